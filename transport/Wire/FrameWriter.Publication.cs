using System.Runtime.CompilerServices;
using LowLatency.Core.Engine;

namespace LowLatency.Transport.Wire;

/// <content>Frames about publishing.</content>
internal static unsafe partial class FrameWriter
{
    /// <summary>Bytes, padding included, of a <see cref="FrameType.Publish"/>.</summary>
    internal static int PublishLength(int routingKeyLength, int headersLength, int bodyLength) =>
        LengthOf<PublishFrame>(routingKeyLength + headersLength + bodyLength);

    /// <summary>Writes a <see cref="FrameType.Publish"/> that takes its publication's routing key and has no headers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int WritePublish(
        scoped Span<byte> destination, uint publication, ulong sequence, long publishedNs, scoped ReadOnlySpan<byte> body)
    {
        PublishFrame fields = new() { Sequence = sequence, Publication = publication, PublishedNs = publishedNs };
        int padded = Begin(destination, FrameType.Publish, fields, body.Length);
        body.CopyTo(destination[sizeof(PublishFrame)..]);
        return padded;
    }

    /// <summary>Writes a <see cref="FrameType.Publish"/>.</summary>
    /// <param name="destination">At least <see cref="PublishLength"/> bytes.</param>
    /// <param name="publication">Handle of the publication.</param>
    /// <param name="sequence">Of the message, from 1; 0 in a transaction.</param>
    /// <param name="publishedNs">Unix time in nanoseconds.</param>
    /// <param name="routingKey">At most 255 bytes of UTF-8; empty for the publication's.</param>
    /// <param name="headers">At most 65,535 bytes.</param>
    /// <param name="body">At most what the server's Welcome allows.</param>
    /// <param name="flags">Of this message.</param>
    internal static int WritePublish(
        scoped Span<byte> destination, uint publication, ulong sequence, long publishedNs,
        scoped ReadOnlySpan<byte> routingKey, scoped ReadOnlySpan<byte> headers, scoped ReadOnlySpan<byte> body, PublishFlags flags = PublishFlags.None)
    {
        if (routingKey.Length > FrameLayout.MaxStringLength)
            ThrowStringTooLong(routingKey.Length);
        if (headers.Length > ushort.MaxValue)
            ThrowHeadersTooLong(headers.Length);
        PublishFrame fields = new()
        {
            Sequence = sequence,
            Publication = publication,
            PublishedNs = publishedNs,
            RoutingKeyLength = (byte)routingKey.Length,
            Flags = (byte)flags,
            HeadersLength = (ushort)headers.Length,
        };
        int padded = Begin(destination, FrameType.Publish, fields, routingKey.Length + headers.Length + body.Length);
        Span<byte> rest = destination[sizeof(PublishFrame)..];
        routingKey.CopyTo(rest);
        headers.CopyTo(rest[routingKey.Length..]);
        body.CopyTo(rest[(routingKey.Length + headers.Length)..]);
        return padded;
    }

    /// <summary>Writes a <see cref="FrameType.Confirm"/>, 24 bytes.</summary>
    internal static int WriteConfirm(scoped Span<byte> destination, uint publication, ulong sequence, DurabilityLevel level) =>
        Begin(
            destination, FrameType.Confirm,
            new ConfirmFrame { Sequence = sequence, Publication = publication, Level = (byte)level }, 0);

    /// <summary>Writes a <see cref="FrameType.Rejected"/>.</summary>
    /// <param name="destination">24 bytes, those of <paramref name="encoded"/>, and padding.</param>
    /// <param name="publication">Handle of the publication.</param>
    /// <param name="sequence">Of the message.</param>
    /// <param name="code">Why it was not kept.</param>
    /// <param name="encoded">Queue (string) and text, as on the wire and in the engine's event.</param>
    internal static int WriteRejectedEncoded(
        scoped Span<byte> destination, uint publication, ulong sequence, ErrorCode code, scoped ReadOnlySpan<byte> encoded) =>
        Write(
            destination, FrameType.Rejected,
            new RejectedFrame { Sequence = sequence, Publication = publication, Code = (ushort)code }, encoded);

    /// <summary>Writes a <see cref="FrameType.PublicationReady"/>, 16 bytes.</summary>
    internal static int WritePublicationReady(scoped Span<byte> destination, uint publication) =>
        Begin(destination, FrameType.PublicationReady, new PublicationReadyFrame { Publication = publication }, 0);

    /// <summary>Writes a <see cref="FrameType.PublicationEnded"/> whose text is encoded already.</summary>
    internal static int WritePublicationEndedEncoded(
        scoped Span<byte> destination, uint publication, ErrorCode code, scoped ReadOnlySpan<byte> encoded) =>
        Write(
            destination, FrameType.PublicationEnded,
            new PublicationEndedFrame { Publication = publication, Code = (ushort)code }, encoded);

    private static void ThrowHeadersTooLong(int length) =>
        throw new ArgumentException($"Headers of {length} bytes: at most {ushort.MaxValue} are possible in a frame.");
}
