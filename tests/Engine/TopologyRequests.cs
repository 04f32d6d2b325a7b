using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Routing;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Definitions as requests, each carried out before it returns.</summary>
internal static class TopologyRequests
{
    private static readonly FieldTableWriter Nothing = new();

    /// <summary>A session of its own connection, or of another's, in a virtual host.</summary>
    internal static int OpenSession(this EngineHarness engine, string host, int? connection = null, ulong nonce = 0)
    {
        Assert.True(engine.Core.SessionIds.TryRent(out int session));
        engine.Send(
            CommandType.OpenSession,
            new OpenSessionCommand { Session = session, Connection = connection ?? session, Port = engine.Port.Index, Nonce = nonce },
            [.. EngineHarness.Text("test"), .. EngineHarness.Text(host)]);
        engine.Run();
        return session;
    }

    internal static ErrorCode Queue(this EngineHarness engine, int session, string name, QueueFlags flags = QueueFlags.Durable, FieldTableWriter? table = null)
    {
        engine.DeclareQueue(session, name, flags, table ?? Nothing);
        return Answer(engine);
    }

    internal static ErrorCode Exchange(
        this EngineHarness engine, int session, string name, ExchangeKind kind = ExchangeKind.Direct, ExchangeFlags flags = ExchangeFlags.Durable, FieldTableWriter? table = null)
    {
        engine.Send(
            CommandType.DeclareExchange,
            new DeclareExchangeCommand { Session = session, Request = engine.NextRequest(), Kind = (byte)kind, Flags = (ushort)flags },
            [.. EngineHarness.Text(name), .. EngineHarness.Table(table ?? Nothing)]);
        return Answer(engine);
    }

    internal static ErrorCode Bind(this EngineHarness engine, int session, string source, string queue, string key = "", FieldTableWriter? table = null) =>
        Binding(engine, session, CommandType.Bind, 0, source, queue, key, table);

    internal static ErrorCode BindExchange(this EngineHarness engine, int session, string source, string exchange, string key = "", FieldTableWriter? table = null) =>
        Binding(engine, session, CommandType.Bind, BindFlags.ToExchange, source, exchange, key, table);

    internal static ErrorCode Unbind(this EngineHarness engine, int session, string source, string queue, string key = "", FieldTableWriter? table = null) =>
        Binding(engine, session, CommandType.Unbind, 0, source, queue, key, table);

    internal static ErrorCode UnbindExchange(this EngineHarness engine, int session, string source, string exchange, string key = "", FieldTableWriter? table = null) =>
        Binding(engine, session, CommandType.Unbind, BindFlags.ToExchange, source, exchange, key, table);

    internal static ErrorCode DeleteQueue(this EngineHarness engine, int session, string name, DeleteFlags flags = 0) => Named(engine, session, CommandType.DeleteQueue, name, (uint)flags);

    internal static ErrorCode DeleteExchange(this EngineHarness engine, int session, string name, DeleteFlags flags = 0) => Named(engine, session, CommandType.DeleteExchange, name, (uint)flags);

    internal static ErrorCode VirtualHost(this EngineHarness engine, int session, string name, FieldTableWriter? table = null, bool passive = false)
    {
        engine.Send(
            CommandType.DeclareVirtualHost,
            new RequestCommand { Session = session, Request = engine.NextRequest(), Flags = passive ? (uint)QueueFlags.Passive : 0 },
            [.. EngineHarness.Text(name), .. EngineHarness.Table(table ?? Nothing)]);
        return Answer(engine);
    }

    internal static ErrorCode DeleteVirtualHost(this EngineHarness engine, int session, string name) => Named(engine, session, CommandType.DeleteVirtualHost, name, 0);

    /// <summary>Opens a publication and gives its handle.</summary>
    internal static uint Open(this EngineHarness engine, int session, string exchange, string key = "", bool mandatory = true)
    {
        engine.OpenPublication(session, key, DurabilityLevel.Memory, "", exchange, mandatory: mandatory);
        engine.Run();
        return engine.All<PublicationOpenedEvent>(EventType.PublicationOpened)[^1].Publication;
    }

    /// <summary>Publishes and says whether the message was returned as unroutable (NoRoute), rejected otherwise, or confirmed (None).</summary>
    internal static ErrorCode PublishNow(this EngineHarness engine, int session, uint publication, ulong sequence, string key = "", byte[]? headers = null)
    {
        engine.Events.Clear();
        byte[] content = headers ?? [];
        engine.Send(
            CommandType.Publish,
            new PublishCommand { Session = session, Publication = publication, Sequence = sequence, RoutingKeyLength = (byte)key.Length, HeadersLength = (ushort)content.Length, BodyLength = 1 },
            [.. Encoding.UTF8.GetBytes(key), .. content, 0]);
        engine.Run();
        RejectedEvent[] rejected = engine.All<RejectedEvent>(EventType.Rejected);
        if (rejected.Length > 0)
            return (ErrorCode)Assert.Single(rejected).Code;
        engine.Single<ConfirmEvent>(EventType.Confirm);
        return ErrorCode.None;
    }

    /// <summary>The sentence of the last answer that was a refusal.</summary>
    internal static unsafe string Sentence(this EngineHarness engine)
    {
        EngineHarness.Event refusal = engine.Events.Last(e => e.Type is EventType.Failed or EventType.SessionFault);
        int structLength = refusal.Type == EventType.Failed ? sizeof(FailedEvent) : sizeof(SessionFaultEvent);
        return Encoding.UTF8.GetString(refusal.Bytes.AsSpan(structLength + sizeof(ushort)));
    }

    internal static bool HasQueue(this EngineHarness engine, string name, string host = "/") =>
        engine.Host(host).TryGetQueue(Encoding.UTF8.GetBytes(name), out _);

    internal static bool HasExchange(this EngineHarness engine, string name, string host = "/") =>
        engine.Host(host).TryGetExchange(Encoding.UTF8.GetBytes(name), out _);

    internal static VirtualHost Host(this EngineHarness engine, string name)
    {
        Assert.True(engine.Core.Engine.Topology.TryGetHost(Encoding.UTF8.GetBytes(name), out VirtualHost? host));
        return host;
    }

    private static ErrorCode Binding(EngineHarness engine, int session, CommandType type, BindFlags flags, string source, string destination, string key, FieldTableWriter? table)
    {
        engine.Send(
            type,
            new RequestCommand { Session = session, Request = engine.NextRequest(), Flags = (uint)flags },
            [.. EngineHarness.Text(source), .. EngineHarness.Text(destination), .. EngineHarness.Text(key), .. EngineHarness.Table(table ?? Nothing)]);
        return Answer(engine);
    }

    private static ErrorCode Named(EngineHarness engine, int session, CommandType type, string name, uint flags)
    {
        engine.Send(type, new RequestCommand { Session = session, Request = engine.NextRequest(), Flags = flags }, EngineHarness.Text(name));
        return Answer(engine);
    }

    private static ErrorCode Answer(EngineHarness engine)
    {
        engine.Events.Clear();
        engine.Run();
        EngineHarness.Event answer = Assert.Single(engine.Events, e => e.Type is EventType.Done or EventType.QueueDeclared or EventType.Failed);
        return answer.Type == EventType.Failed ? (ErrorCode)answer.Read<FailedEvent>().Code : ErrorCode.None;
    }
}
