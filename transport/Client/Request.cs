using System.Buffers.Binary;
using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <summary>What the broker answered.</summary>
/// <param name="Name">Of a queue that was declared.</param>
/// <param name="Count">What the request counts: ready messages, messages removed, operations.</param>
/// <param name="Consumers">Of a queue that was declared.</param>
internal readonly record struct RequestResult(string Name, long Count, int Consumers);

/// <summary>One request on its way to the broker and back, and the task that its caller waits on.</summary>
/// <remarks>Made on the caller's thread, then the connection's until the task completes.</remarks>
/// <param name="type">What it asks.</param>
/// <param name="isReusable">It has no task and is posted again when it is answered, so that it costs no memory.</param>
internal sealed class Request(CommandType type, bool isReusable = false)
{
    private readonly TaskCompletionSource<RequestResult>? _done =
        isReusable ? null : new TaskCompletionSource<RequestResult>(TaskCreationOptions.RunContinuationsAsynchronously);

    internal CommandType Type { get; } = type;

    internal bool IsReusable { get; } = isReusable;

    /// <summary>Everything behind the session. Where there is none, publication or subscription make it when it is sent.</summary>
    internal byte[]? Body { private get; set; }

    /// <summary>What it is about, for people and for <see cref="Topology"/>: queue, exchange, virtual host; of a binding the source.</summary>
    internal string Name { get; init; } = "";

    /// <summary>Of a binding.</summary>
    internal string Destination { get; private set; } = "";

    /// <summary>Of a binding.</summary>
    internal string Key { get; init; } = "";

    /// <summary>Of a binding: the destination is an exchange.</summary>
    internal bool ToExchange { get; init; }

    /// <summary>It only asks.</summary>
    internal bool IsPassive { get; init; }

    /// <summary>Declares a queue for this connection only.</summary>
    internal bool IsExclusive { get; init; }

    /// <summary>Of <see cref="CommandType.SetMaxUnacked"/>.</summary>
    internal uint Limit { get; init; }

    internal Publication? Publication { get; init; }

    internal Subscription? Subscription { get; init; }

    /// <summary>Of a commit: what goes before it.</summary>
    internal Transaction? Transaction { get; init; }

    /// <summary>Of a close: the handle, where the broker has ended what it named; it then has neither publication nor subscription.</summary>
    internal uint EndedHandle { private get; init; }

    /// <summary>Restores what was granted before, or gives back what was ended, on the present connection: nobody waits for it.</summary>
    internal bool IsRepeat { get; init; }

    /// <summary>Of a repeat: the first request, which knows what the broker answered then.</summary>
    internal Request? Original { get; private init; }

    /// <summary>What the broker answered.</summary>
    internal RequestResult Result { get; private set; }

    /// <summary>It was sent before the connection was lost: it may have been carried out already.</summary>
    internal bool MayBeDone { get; set; }

    /// <summary>Number on the present connection.</summary>
    internal uint Id { get; set; }

    /// <summary>Milliseconds beside the connection's time-out that the answer may take.</summary>
    internal long ExtraMs { get; set; }

    /// <summary>When to give up, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    internal long DeadlineMs { get; set; }

    /// <summary>Only where it is not reusable.</summary>
    internal Task<RequestResult> Task => _done!.Task;

    internal bool IsCompleted => _done is { Task.IsCompleted: true };

    internal void Complete(RequestResult result)
    {
        Result = result;
        _done?.TrySetResult(result);
    }

    internal void Fail(LowLatencyException error)
    {
        if (_done == null)
            Subscription!.OnGot(); // It may ask again.
        else if (_done.TrySetException(error) && IsRepeat)
            _ = _done.Task.Exception; // Looked at: nobody waits for a repeat.
    }

    internal void Cancel(CancellationToken cancellation) => _done?.TrySetCanceled(cancellation);

    /// <summary>The bytes to send on the present connection.</summary>
    /// <param name="agent">Knows the broker's limits.</param>
    internal ReadOnlySpan<byte> Encode(ConnectionAgent agent)
    {
        const int HandleOffset = 4;
        byte[] body = Body ?? Publication?.OpenBody() ?? Subscription!.SubscribeBody(agent);
        BinaryPrimitives.WriteUInt32LittleEndian(body, Id);
        if (Type is CommandType.ClosePublication or CommandType.Unsubscribe or CommandType.Get)
            BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(HandleOffset), Publication?.Handle ?? Subscription?.Handle ?? EndedHandle);
        return body;
    }

    /// <summary>Whether the body is the same but for its number: for a bind and the unbind that takes it away.</summary>
    internal bool HasBodyOf(Request other) => Body.AsSpan(sizeof(uint)).SequenceEqual(other.Body.AsSpan(sizeof(uint)));

    internal static Request DeclareQueue(string queue, QueueOptions options)
    {
        Names.CheckMayBeEmpty(queue, "queue's name");
        QueueFlags flags = (options.Durable ? QueueFlags.Durable : 0) | (options.Passive ? QueueFlags.Passive : 0)
            | (options.Exclusive ? QueueFlags.Exclusive : 0) | (options.AutoDelete ? QueueFlags.AutoDelete : 0);
        return new Request(CommandType.DeclareQueue)
        {
            Name = queue,
            IsPassive = options.Passive,
            IsExclusive = options.Exclusive,
            Body = RequestBody.Of(new RequestCommand { Flags = (uint)flags }, RequestBody.String(queue), RequestBody.Table(options.Table())),
        };
    }

    internal static Request DeclareExchange(string exchange, ExchangeOptions options)
    {
        Names.Check(exchange, "exchange's name");
        return new Request(CommandType.DeclareExchange)
        {
            Name = exchange,
            IsPassive = options.Passive,
            Body = RequestBody.Of(
                new DeclareExchangeCommand { Flags = (ushort)options.Flags, Kind = (byte)options.Type },
                RequestBody.String(exchange), RequestBody.Table(options.Table())),
        };
    }

    internal static Request DeclareVirtualHost(string name, VirtualHostOptions options)
    {
        Names.Check(name, "virtual host's name");
        return new Request(CommandType.DeclareVirtualHost)
        {
            Name = name,
            IsPassive = options.Passive,
            Body = RequestBody.Of(
                new RequestCommand { Flags = (uint)(options.Passive ? QueueFlags.Passive : 0) }, RequestBody.String(name), RequestBody.Table(options.Table())),
        };
    }

    /// <summary>A request that is a name and flags.</summary>
    internal static Request Named(CommandType type, string name, uint flags = 0)
    {
        Names.Check(name, "name");
        return new Request(type) { Name = name, Body = RequestBody.Of(new RequestCommand { Flags = flags }, RequestBody.String(name)) };
    }

    /// <summary>A request without a name.</summary>
    internal static Request Plain(CommandType type, uint flags = 0) =>
        new(type) { Limit = flags, Body = RequestBody.Of(new RequestCommand { Flags = flags }) };

    internal static Request Binding(CommandType type, string source, string destination, string key, bool toExchange, FieldTable? arguments)
    {
        Names.CheckMayBeEmpty(source, "exchange's name");
        Names.Check(destination, toExchange ? "destination's name" : "queue's name");
        Names.CheckMayBeEmpty(key, "binding's key");
        return new Request(type)
        {
            Name = source, Destination = destination, Key = key, ToExchange = toExchange, Body = BindingBody(source, destination, key, toExchange, Entries(arguments)),
        };
    }

    internal static Request Close(Publication publication) =>
        new(CommandType.ClosePublication) { Publication = publication, Body = RequestBody.Of(default(ClosePublicationCommand)) };

    internal static Request Close(Subscription subscription, bool keepsUnsettled = false) => new(CommandType.Unsubscribe)
    {
        Subscription = subscription,
        Body = RequestBody.Of(new UnsubscribeCommand { Flags = (uint)(keepsUnsettled ? UnsubscribeFlags.KeepUnsettled : 0) }),
    };

    /// <summary>Gives back a handle whose publication or subscription is over on this side.</summary>
    internal static Request CloseEnded(CommandType type, uint handle) => new(type)
    {
        EndedHandle = handle,
        IsRepeat = true,
        Body = type == CommandType.ClosePublication ? RequestBody.Of(default(ClosePublicationCommand)) : RequestBody.Of(default(UnsubscribeCommand)),
    };

    /// <summary>A queue that the broker names has another name from now on.</summary>
    internal void Rename(string from, string to)
    {
        const int FieldsLength = 2 * sizeof(uint);
        if (Type != CommandType.Bind || ToExchange || Destination != from)
            return;
        var parts = new FrameParts(Body.AsSpan(FieldsLength));
        parts.String();
        parts.String();
        parts.String();
        Body = BindingBody(Name, to, Key, ToExchange, parts.Long());
        Destination = to;
    }

    /// <summary>The same again, for after a reconnect.</summary>
    internal Request Repeat() => new(Type)
    {
        Body = Body, Name = Name, Destination = Destination, Key = Key, ToExchange = ToExchange, IsExclusive = IsExclusive, Limit = Limit,
        Publication = Publication, Subscription = Subscription, IsRepeat = true, Original = this,
    };

    public override string ToString() => Type switch
    {
        CommandType.Bind or CommandType.Unbind =>
            $"{Type} of {(ToExchange ? "exchange" : "queue")} '{Destination}' to exchange '{Name}' with key '{Key}'",
        _ when Publication == null && Subscription == null && EndedHandle != 0 => $"{Type} {EndedHandle}",
        CommandType.OpenPublication or CommandType.ClosePublication =>
            $"{Type} to exchange '{Publication!.Exchange}' with routing key '{Publication.RoutingKey}'",
        CommandType.Subscribe or CommandType.Unsubscribe => $"{Type} to queue '{Subscription!.Queue}'",
        CommandType.Get => $"{Type} from queue '{Subscription!.Queue}'",
        CommandType.Recover or CommandType.SetMaxUnacked or CommandType.CommitTransaction => $"{Type}",
        _ => $"{Type} '{Name}'",
    };

    private static byte[] BindingBody(string source, string destination, string key, bool toExchange, ReadOnlySpan<byte> arguments) => RequestBody.Of(
        new RequestCommand { Flags = (uint)(toExchange ? BindFlags.ToExchange : 0) },
        RequestBody.String(source), RequestBody.String(destination), RequestBody.String(key), RequestBody.Table(arguments));

    private static ReadOnlySpan<byte> Entries(FieldTable? table) => table == null ? default : table.Entries;
}
