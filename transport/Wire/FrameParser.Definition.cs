using LowLatency.Core.Engine;

namespace LowLatency.Transport.Wire;

/// <content>Frames about queues, exchanges and bindings.</content>
internal static unsafe partial class FrameParser
{
    private const byte ExchangeFlags = 1;

    /// <summary>Parses a <see cref="FrameType.DeclareQueue"/>.</summary>
    internal static bool TryParseDeclareQueue(ReadOnlySpan<byte> frame, out NameView<DeclareQueueFrame> view, out FrameError error)
    {
        DeclareQueueFrame fields = Fixed<DeclareQueueFrame>(frame);
        return TryParseName(
            frame, fields.Request, (fields.Reserved0 | fields.Reserved1) == 0,
            fields.Flags, (byte)(QueueFlags.Durable | QueueFlags.Passive), out view, out error);
    }

    /// <summary>Parses a <see cref="FrameType.QueueDeclared"/>: any of the right length is in order.</summary>
    internal static QueueDeclaredFrame ParseQueueDeclared(scoped ReadOnlySpan<byte> frame) => Fixed<QueueDeclaredFrame>(frame);

    /// <summary>Parses a <see cref="FrameType.DeleteQueue"/> or a <see cref="FrameType.DeleteExchange"/>.</summary>
    internal static bool TryParseDelete(ReadOnlySpan<byte> frame, out NameView<NamedRequestFrame> view, out FrameError error)
    {
        NamedRequestFrame fields = Fixed<NamedRequestFrame>(frame);
        return TryParseName(frame, fields.Request, fields.Reserved == 0, 0, 0, out view, out error);
    }

    /// <summary>Parses a <see cref="FrameType.DeclareExchange"/>.</summary>
    internal static bool TryParseDeclareExchange(ReadOnlySpan<byte> frame, out NameView<DeclareExchangeFrame> view, out FrameError error)
    {
        DeclareExchangeFrame fields = Fixed<DeclareExchangeFrame>(frame);
        return TryParseName(frame, fields.Request, fields.Reserved == 0, fields.Flags, ExchangeFlags, out view, out error);
    }

    /// <summary>Parses a <see cref="FrameType.Bind"/> or an <see cref="FrameType.Unbind"/>.</summary>
    /// <remarks>An empty exchange is well-formed: the engine says why the default exchange cannot be bound.</remarks>
    internal static bool TryParseBind(ReadOnlySpan<byte> frame, out BindView view, out FrameError error)
    {
        view = default;
        FrameType type = TypeOf(frame);
        NamedRequestFrame fields = Fixed<NamedRequestFrame>(frame);
        ReadOnlySpan<byte> strings = frame[sizeof(NamedRequestFrame)..];
        ReadOnlySpan<byte> rest = strings;
        if (!CheckReserved(fields.Reserved == 0, type, out error)
            || !TryTakeString(ref rest, 1, type, out ReadOnlySpan<byte> exchange, out error)
            || !TryTakeString(ref rest, 2, type, out ReadOnlySpan<byte> queue, out error)
            || !TryTakeString(ref rest, 3, type, out ReadOnlySpan<byte> key, out error)
            || !CheckEnd(rest, type, out error)
            || !CheckName(exchange, mayBeEmpty: true, 1, type, fields.Request, out error)
            || !CheckName(queue, mayBeEmpty: false, 2, type, fields.Request, out error)
            || !CheckName(key, mayBeEmpty: true, 3, type, fields.Request, out error))
            return false;

        view = new BindView { Fields = fields, Exchange = exchange, Queue = queue, Key = key, Strings = strings };
        return true;
    }
}
