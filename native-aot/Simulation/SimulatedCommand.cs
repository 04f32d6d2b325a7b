using System.Runtime.CompilerServices;
using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;

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

    protected static byte[] Table(FieldTableWriter table) => [(byte)table.Entries.Length, (byte)(table.Entries.Length >> 8), .. table.Entries];
}

internal sealed record OpenSession(int Session, SimulatedPort Port) : SimulatedCommand(CommandType.OpenSession, Session)
{
    protected override byte[] Encode() => Join(new OpenSessionCommand { Session = Session, Connection = Session, Port = Port.Port.Index }, Text("simulated"), Text("/"));
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

internal sealed record Publish(int Session, uint Publication, ulong Sequence, NaiveMessage Message) : SimulatedCommand(CommandType.Publish, Session)
{
    protected override byte[] Encode() => Join(
        new PublishCommand
        {
            Session = Session,
            Publication = Publication,
            Sequence = Sequence,
            PublishedNs = Message.Id,
            ReceivedNs = Message.Id + 1,
            BodyLength = Message.Body.Length,
            RoutingKeyLength = (byte)Message.OwnKey.Length,
            HeadersLength = (ushort)Message.Headers.Length,
        },
        Encoding.UTF8.GetBytes(Message.OwnKey), Message.Headers, Message.Body);
}

internal sealed record Subscribe(int Session, uint Request, string Queue, uint Messages, ulong CreditBytes) : SimulatedCommand(CommandType.Subscribe, Session)
{
    protected override byte[] Encode() => Join(new SubscribeCommand { Session = Session, Request = Request, CreditMessages = Messages, CreditBytes = CreditBytes }, Text(Queue), Text(""));
}

internal sealed record Unsubscribe(int Session, uint Request, uint Subscription) : SimulatedCommand(CommandType.Unsubscribe, Session)
{
    protected override byte[] Encode() => Join(new UnsubscribeCommand { Session = Session, Request = Request, Subscription = Subscription });
}

internal sealed record Credit(int Session, uint Subscription, uint Messages, ulong CreditBytes) : SimulatedCommand(CommandType.Credit, Session)
{
    protected override byte[] Encode() => Join(new CreditCommand { Session = Session, Subscription = Subscription, Messages = Messages, Bytes = CreditBytes });
}

internal sealed record Settle(int Session, uint Subscription, ulong First, ulong Last, SettleKind Kind, uint Messages, ulong CreditBytes) : SimulatedCommand(CommandType.Settle, Session)
{
    protected override byte[] Encode() => Join(
        new SettleCommand { Session = Session, Subscription = Subscription, FirstTag = First, LastTag = Last, Kind = (byte)Kind, CreditMessages = Messages, CreditBytes = CreditBytes });
}

internal sealed record DeclareQueue(int Session, uint Request, string Queue, bool Durable, bool Passive, long MaxLength) : SimulatedCommand(CommandType.DeclareQueue, Session)
{
    protected override byte[] Encode() => Join(
        new RequestCommand { Session = Session, Request = Request, Flags = (uint)((Durable ? QueueFlags.Durable : 0) | (Passive ? QueueFlags.Passive : 0)) },
        Text(Queue),
        MaxLength == 0 ? [0, 0] : Table(new FieldTableWriter().Add("x-max-length", MaxLength)));
}

internal sealed record DeleteQueue(int Session, uint Request, string Queue) : SimulatedCommand(CommandType.DeleteQueue, Session)
{
    protected override byte[] Encode() => Join(new RequestCommand { Session = Session, Request = Request }, Text(Queue));
}

internal sealed record DeclareExchange(int Session, uint Request, string Exchange, bool Durable) : SimulatedCommand(CommandType.DeclareExchange, Session)
{
    protected override byte[] Encode() => Join(
        new DeclareExchangeCommand { Session = Session, Request = Request, Kind = (byte)ExchangeKind.Direct, Flags = Durable ? (ushort)ExchangeFlags.Durable : (ushort)0 }, Text(Exchange), [0, 0]);
}

internal sealed record DeleteExchange(int Session, uint Request, string Exchange) : SimulatedCommand(CommandType.DeleteExchange, Session)
{
    protected override byte[] Encode() => Join(new RequestCommand { Session = Session, Request = Request }, Text(Exchange));
}

internal sealed record Bind(int Session, uint Request, string Exchange, string Queue, string Key, bool IsBind)
    : SimulatedCommand(IsBind ? CommandType.Bind : CommandType.Unbind, Session)
{
    protected override byte[] Encode() => Join(new RequestCommand { Session = Session, Request = Request }, Text(Exchange), Text(Queue), Text(Key), [0, 0]);
}
