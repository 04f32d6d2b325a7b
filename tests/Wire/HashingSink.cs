using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowLatency.Transport.Wire;

namespace LowLatency.Tests.Wire;

/// <summary>Parses every frame as a session would, reads every byte that the views offer, and folds all of it into one number.</summary>
/// <remarks>No allocation. Ends at a parse error that costs the connection.</remarks>
internal struct HashingSink : IFrameSink
{
    internal const int MaxBodyLength = 4096;

    internal ulong Hash;
    internal int Frames;
    internal int RequestErrors;

    /// <summary>The error that ended the connection.</summary>
    internal FrameError Error;

    /// <summary>Refuses the next frame when it reaches 0; not used when negative.</summary>
    internal int RefuseIn;

    public bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame)
    {
        if (!Error.IsNone || RefuseIn-- == 0)
            return false;

        Fold((ulong)type);
        Fold(frame);
        if (!Parse(type, frame, out FrameError error))
        {
            Fold((ulong)error.Fault);
            Fold(error.Request);
            if (error.CostsConnection)
            {
                Error = error;
                return false;
            }

            RequestErrors++;
        }

        Frames++;
        return true;
    }

    private bool Parse(FrameType type, scoped ReadOnlySpan<byte> frame, out FrameError error)
    {
        error = default;
        switch (type)
        {
            case FrameType.Hello:
                return FrameParser.TryParseHello(frame, out var hello, out error)
                    && Fold(hello.Fields.HeartbeatMs) && Fold(hello.ClientName) && Fold(hello.VirtualHost);
            case FrameType.Welcome:
                return FrameParser.TryParseWelcome(frame, out var welcome, out error) && Fold(welcome.Fields.BrokerId) && Fold(welcome.Product);
            case FrameType.Error or FrameType.Close:
                return FrameParser.TryParseClose(frame, out var close, out error) && Fold(close.Fields.Code) && Fold(close.Text);
            case FrameType.Heartbeat:
                return frame.Length == 8;
            case FrameType.Done:
                return FrameParser.TryParseDone(frame, out var done, out error) && Fold(done.Request);
            case FrameType.Failed:
                return FrameParser.TryParseFailed(frame, out var failed, out error) && Fold(failed.Fields.Request) && Fold(failed.Text);
            case FrameType.OpenPublication:
                return FrameParser.TryParseOpenPublication(frame, out var open, out error)
                    && Fold(open.Publisher) && Fold(open.Exchange) && Fold(open.RoutingKey) && Fold(open.Strings);
            case FrameType.PublicationOpened:
                return FrameParser.TryParsePublicationOpened(frame, out var opened, out error) && Fold(opened.LastSequence);
            case FrameType.ClosePublication:
                return Fold(FrameParser.ParseClosePublication(frame).Publication);
            case FrameType.Publish:
                return FrameParser.TryParsePublish(frame, MaxBodyLength, out var publish, out error)
                    && Fold(publish.Fields.Sequence) && Fold(publish.RoutingKey) && Fold(publish.Headers) && Fold(publish.Body);
            case FrameType.Confirm:
                return FrameParser.TryParseConfirm(frame, out var confirm, out error) && Fold(confirm.Sequence);
            case FrameType.Rejected:
                return FrameParser.TryParseRejected(frame, out var rejected, out error) && Fold(rejected.Queue) && Fold(rejected.Text);
            case FrameType.PublicationReady:
                return FrameParser.TryParsePublicationReady(frame, out var ready, out error) && Fold(ready.Publication);
            case FrameType.PublicationEnded:
                return FrameParser.TryParsePublicationEnded(frame, out var ended, out error) && Fold(ended.Text);
            case FrameType.Subscribe:
                return FrameParser.TryParseSubscribe(frame, out var subscribe, out error) && Fold(subscribe.Fields.CreditBytes) && Fold(subscribe.Name);
            case FrameType.Subscribed:
                return Fold(FrameParser.ParseSubscribed(frame).Subscription);
            case FrameType.Unsubscribe:
                return Fold(FrameParser.ParseUnsubscribe(frame).Subscription);
            case FrameType.SubscriptionEnded:
                return FrameParser.TryParseSubscriptionEnded(frame, out var over, out error) && Fold(over.Text);
            case FrameType.Credit:
                return Fold(FrameParser.ParseCredit(frame).Bytes);
            case FrameType.Deliver:
                return FrameParser.TryParseDeliver(frame, out var deliver, out error)
                    && Fold(deliver.Fields.Tag) && Fold(deliver.RoutingKey) && Fold(deliver.Headers) && Fold(deliver.Body);
            case FrameType.Settle:
                return FrameParser.TryParseSettle(frame, out var settle, out error) && Fold(settle.LastTag);
            case FrameType.DeclareQueue:
                return FrameParser.TryParseDeclareQueue(frame, out var declare, out error) && Fold(declare.Fields.MaxLength) && Fold(declare.Name);
            case FrameType.QueueDeclared:
                return Fold(FrameParser.ParseQueueDeclared(frame).Ready);
            case FrameType.DeleteQueue or FrameType.DeleteExchange:
                return FrameParser.TryParseDelete(frame, out var delete, out error) && Fold(delete.Name);
            case FrameType.DeclareExchange:
                return FrameParser.TryParseDeclareExchange(frame, out var exchange, out error) && Fold(exchange.Name);
            case FrameType.Bind or FrameType.Unbind:
                return FrameParser.TryParseBind(frame, out var bind, out error) && Fold(bind.Exchange) && Fold(bind.Queue) && Fold(bind.Key);
            default:
                throw new InvalidOperationException($"type {(byte)type} passed the reader");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Fold(ulong value)
    {
        Hash = (Hash ^ value) * 0x9E3779B97F4A7C15;
        Hash ^= Hash >> 29;
        return true;
    }

    private bool Fold(scoped ReadOnlySpan<byte> bytes)
    {
        Fold((ulong)bytes.Length);
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(bytes))
            Fold(word);
        foreach (byte rest in bytes[(bytes.Length & ~7)..])
            Fold(rest);
        return true;
    }
}
