using LowLatency.Core.Engine;

namespace LowLatency.Transport.Wire;

/// <content>Frames about a connection as a whole.</content>
internal static unsafe partial class FrameWriter
{
    /// <summary>Writes a <see cref="FrameType.Hello"/> for protocol version 1.</summary>
    internal static int WriteHello(
        scoped Span<byte> destination, uint heartbeatMs, scoped ReadOnlySpan<byte> clientName, scoped ReadOnlySpan<byte> virtualHost, uint flags = 0)
    {
        HelloFrame fields = new()
        {
            Magic = FrameLayout.Magic, Version = FrameLayout.Version, MinVersion = FrameLayout.Version, HeartbeatMs = heartbeatMs, Flags = flags,
        };
        return WriteHello(destination, fields, clientName, virtualHost);
    }

    /// <summary>Writes a <see cref="FrameType.Hello"/> with all its fields given (header excepted).</summary>
    internal static int WriteHello(
        scoped Span<byte> destination, scoped in HelloFrame fields, scoped ReadOnlySpan<byte> clientName, scoped ReadOnlySpan<byte> virtualHost)
    {
        int padded = Begin(destination, FrameType.Hello, fields, 2 + clientName.Length + virtualHost.Length);
        Span<byte> rest = destination[sizeof(HelloFrame)..];
        rest = rest[PutString(rest, clientName)..];
        PutString(rest, virtualHost);
        return padded;
    }

    /// <summary>Writes a <see cref="FrameType.Welcome"/>; magic and version are set here.</summary>
    internal static int WriteWelcome(scoped Span<byte> destination, WelcomeFrame fields, scoped ReadOnlySpan<byte> product)
    {
        fields.Magic = FrameLayout.Magic;
        fields.Version = FrameLayout.Version;
        return WriteName(destination, FrameType.Welcome, fields, product);
    }

    /// <summary>Writes an <see cref="FrameType.Error"/>. The sentence is cut to <see cref="FrameLayout.SentTextLength"/> bytes.</summary>
    internal static int WriteError(scoped Span<byte> destination, ErrorCode code, scoped ReadOnlySpan<char> sentence) =>
        WriteText(destination, FrameType.Error, new CloseFrame { Code = (ushort)code }, sentence);

    /// <summary>Writes an <see cref="FrameType.Error"/> whose text is encoded already.</summary>
    internal static int WriteErrorEncoded(scoped Span<byte> destination, ErrorCode code, scoped ReadOnlySpan<byte> encoded) =>
        Write(destination, FrameType.Error, new CloseFrame { Code = (ushort)code }, encoded);

    /// <summary>Writes a <see cref="FrameType.Close"/>. The sentence is cut to <see cref="FrameLayout.SentTextLength"/> bytes.</summary>
    internal static int WriteClose(scoped Span<byte> destination, ErrorCode code, scoped ReadOnlySpan<char> sentence) =>
        WriteText(destination, FrameType.Close, new CloseFrame { Code = (ushort)code }, sentence);

    /// <summary>Writes a <see cref="FrameType.Heartbeat"/>, 8 bytes.</summary>
    internal static int WriteHeartbeat(scoped Span<byte> destination) =>
        Begin(destination, FrameType.Heartbeat, default(HeartbeatFrame), 0);

    /// <summary>Writes a <see cref="FrameType.Batch"/>.</summary>
    /// <param name="destination">Room for it.</param>
    /// <param name="originalLength">Bytes of the frames in the block.</param>
    /// <param name="block">The block, outside of the destination.</param>
    internal static int WriteBatch(scoped Span<byte> destination, int originalLength, scoped ReadOnlySpan<byte> block) =>
        Write(destination, FrameType.Batch, new BatchFrame { OriginalLength = (uint)originalLength }, block);

    /// <summary>Writes a <see cref="FrameType.Failed"/>. The sentence is cut to <see cref="FrameLayout.SentTextLength"/> bytes.</summary>
    internal static int WriteFailed(scoped Span<byte> destination, uint request, ErrorCode code, scoped ReadOnlySpan<char> sentence) =>
        WriteText(destination, FrameType.Failed, new FailedEvent { Request = request, Code = (ushort)code }, sentence);
}
