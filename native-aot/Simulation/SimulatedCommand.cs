using System.Runtime.CompilerServices;
using System.Text;
using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>A command as the model reads it, and as the engine reads it.</summary>
internal abstract record SimulatedCommand(CommandType Type, int Session)
{
    private byte[]? _bytes;

    /// <summary>The body of the ingress record.</summary>
    internal byte[] Bytes => _bytes ??= Encode();

    protected abstract byte[] Encode();

    protected static unsafe byte[] Join<T>(T header, params ReadOnlySpan<byte[]> rest)
        where T : unmanaged
    {
        int length = sizeof(T);
        foreach (byte[] part in rest)
            length += part.Length;
        byte[] bytes = new byte[length];
        Unsafe.WriteUnaligned(ref bytes[0], header);
        int at = sizeof(T);
        foreach (byte[] part in rest)
        {
            part.CopyTo(bytes, at);
            at += part.Length;
        }
        return bytes;
    }

    protected static byte[] Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return [(byte)bytes.Length, .. bytes];
    }

    protected static byte[] Table(NaiveTable table)
    {
        byte[] entries = NaiveTable.Encode(table);
        return [(byte)entries.Length, (byte)(entries.Length >> 8), .. entries];
    }
}

internal sealed record OpenSession(int Session, SimulatedPort Port, string Host, ulong Nonce) : SimulatedCommand(CommandType.OpenSession, Session)
{
    protected override byte[] Encode() =>
        Join(new OpenSessionCommand { Session = Session, Connection = Session, Port = Port.Port.Index, Nonce = Nonce }, Text("simulated"), Text(Host));
}

internal sealed record CloseSession(int Session) : SimulatedCommand(CommandType.CloseSession, Session)
{
    protected override byte[] Encode() => Join(new CloseSessionCommand { Session = Session });
}

internal sealed record OpenPublication(int Session, uint Request, string Publisher, string Exchange, string Key, DurabilityLevel Level, bool Mandatory, uint Window)
    : SimulatedCommand(CommandType.OpenPublication, Session)
{
    protected override byte[] Encode() => Join(
        new OpenPublicationCommand { Session = Session, Request = Request, Window = Window, Level = (byte)Level, Flags = Mandatory ? (byte)PublicationFlags.Mandatory : (byte)0 },
        Text(Publisher), Text(Exchange), Text(Key));
}

internal sealed record ClosePublication(int Session, uint Request, uint Publication) : SimulatedCommand(CommandType.ClosePublication, Session)
{
    protected override byte[] Encode() => Join(new ClosePublicationCommand { Session = Session, Request = Request, Publication = Publication });
}

internal sealed record Publish(int Session, uint Publication, ulong Sequence, NaiveMessage Message, long ReceivedNs, PublishFlags Flags = PublishFlags.None)
    : SimulatedCommand(CommandType.Publish, Session)
{
    internal bool IsInTransaction => (Flags & PublishFlags.InTransaction) != 0;

    protected override byte[] Encode() => Join(
        new PublishCommand
        {
            Session = Session,
            Publication = Publication,
            Sequence = Sequence,
            PublishedNs = Message.Id,
            ReceivedNs = ReceivedNs,
            BodyLength = Message.Body.Length,
            RoutingKeyLength = (byte)Message.OwnKey.Length,
            Flags = (byte)Flags,
            HeadersLength = (ushort)Message.HeaderBytes.Length,
        },
        Encoding.UTF8.GetBytes(Message.OwnKey), Message.HeaderBytes, Message.Body);
}

internal sealed record Subscribe(int Session, uint Request, string Queue, uint Messages, ulong CreditBytes) : SimulatedCommand(CommandType.Subscribe, Session)
{
    internal SubscribeFlags Flags { get; init; }

    internal uint MaxUnacked { get; init; }

    internal int Priority { get; init; }

    internal string ConflationKey { get; init; } = "";

    protected override byte[] Encode() => Join(
        new SubscribeCommand
        {
            Session = Session,
            Request = Request,
            CreditMessages = Messages,
            CreditBytes = CreditBytes,
            MaxUnacked = MaxUnacked,
            Priority = Priority,
            Flags = (uint)Flags,
        },
        Text(Queue), Text(ConflationKey));
}

internal sealed record Unsubscribe(int Session, uint Request, uint Subscription, bool KeepsUnsettled = false) : SimulatedCommand(CommandType.Unsubscribe, Session)
{
    protected override byte[] Encode() => Join(
        new UnsubscribeCommand { Session = Session, Request = Request, Subscription = Subscription, Flags = KeepsUnsettled ? (uint)UnsubscribeFlags.KeepUnsettled : 0 });
}

internal sealed record Get(int Session, uint Request, uint Subscription, uint MaxMessages, uint WaitMs, ulong MaxBytes) : SimulatedCommand(CommandType.Get, Session)
{
    protected override byte[] Encode() => Join(
        new GetCommand { Session = Session, Request = Request, Subscription = Subscription, MaxMessages = MaxMessages, WaitMs = WaitMs, MaxBytes = MaxBytes });
}

internal sealed record Credit(int Session, uint Subscription, uint Messages, ulong CreditBytes) : SimulatedCommand(CommandType.Credit, Session)
{
    protected override byte[] Encode() => Join(new CreditCommand { Session = Session, Subscription = Subscription, Messages = Messages, Bytes = CreditBytes });
}

internal sealed record Settle(int Session, uint Subscription, ulong First, ulong Last, SettleKind Kind, uint Messages, ulong CreditBytes, bool IsInTransaction = false)
    : SimulatedCommand(CommandType.Settle, Session)
{
    protected override byte[] Encode() => Join(
        new SettleCommand
        {
            Session = Session,
            Subscription = Subscription,
            FirstTag = First,
            LastTag = Last,
            Kind = (byte)Kind,
            Flags = IsInTransaction ? (byte)SettleFlags.InTransaction : (byte)0,
            CreditMessages = Messages,
            CreditBytes = CreditBytes,
        });
}

internal sealed record DeclareQueue(int Session, uint Request, string Queue, QueueFlags Flags, NaiveTable Arguments) : SimulatedCommand(CommandType.DeclareQueue, Session)
{
    internal bool IsPassive => (Flags & QueueFlags.Passive) != 0;

    protected override byte[] Encode() => Join(new RequestCommand { Session = Session, Request = Request, Flags = (uint)Flags }, Text(Queue), Table(Arguments));
}

internal sealed record DeleteQueue(int Session, uint Request, string Queue, DeleteFlags Flags) : SimulatedCommand(CommandType.DeleteQueue, Session)
{
    protected override byte[] Encode() => Join(new RequestCommand { Session = Session, Request = Request, Flags = (uint)Flags }, Text(Queue));
}

internal sealed record PurgeQueue(int Session, uint Request, string Queue) : SimulatedCommand(CommandType.PurgeQueue, Session)
{
    protected override byte[] Encode() => Join(new RequestCommand { Session = Session, Request = Request }, Text(Queue));
}

internal sealed record DeclareExchange(int Session, uint Request, string Exchange, ExchangeKind Kind, ExchangeFlags Flags, NaiveTable Arguments)
    : SimulatedCommand(CommandType.DeclareExchange, Session)
{
    internal bool IsPassive => (Flags & ExchangeFlags.Passive) != 0;

    protected override byte[] Encode() => Join(
        new DeclareExchangeCommand { Session = Session, Request = Request, Kind = (byte)Kind, Flags = (ushort)Flags }, Text(Exchange), Table(Arguments));
}

internal sealed record DeleteExchange(int Session, uint Request, string Exchange, DeleteFlags Flags) : SimulatedCommand(CommandType.DeleteExchange, Session)
{
    protected override byte[] Encode() => Join(new RequestCommand { Session = Session, Request = Request, Flags = (uint)Flags }, Text(Exchange));
}

internal sealed record Bind(int Session, uint Request, string Exchange, NaiveBinding Binding, bool IsBind) : SimulatedCommand(IsBind ? CommandType.Bind : CommandType.Unbind, Session)
{
    protected override byte[] Encode() => Join(
        new RequestCommand { Session = Session, Request = Request, Flags = Binding.ToExchange ? (uint)BindFlags.ToExchange : 0 },
        Text(Exchange), Text(Binding.Destination), Text(Binding.Key), Table(Binding.Arguments));
}

internal sealed record DeclareVirtualHost(int Session, uint Request, string Host, bool Passive, NaiveTable Arguments) : SimulatedCommand(CommandType.DeclareVirtualHost, Session)
{
    protected override byte[] Encode() =>
        Join(new RequestCommand { Session = Session, Request = Request, Flags = Passive ? (uint)QueueFlags.Passive : 0 }, Text(Host), Table(Arguments));
}

internal sealed record DeleteVirtualHost(int Session, uint Request, string Host) : SimulatedCommand(CommandType.DeleteVirtualHost, Session)
{
    protected override byte[] Encode() => Join(new RequestCommand { Session = Session, Request = Request }, Text(Host));
}

/// <summary>A request of nothing but flags: Recover, SetMaxUnacked, CommitTransaction, RollbackTransaction.</summary>
internal sealed record SessionRequest(CommandType Type, int Session, uint Request, uint Value = 0) : SimulatedCommand(Type, Session)
{
    protected override byte[] Encode() => Join(new RequestCommand { Session = Session, Request = Request, Flags = Value });
}
