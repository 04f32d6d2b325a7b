using LowLatency.Core.Engine;

namespace LowLatency.Transport.Wire;

/// <content>Frames about queues, exchanges and bindings.</content>
internal static unsafe partial class FrameWriter
{
    /// <summary>Writes a <see cref="FrameType.DeclareQueue"/>.</summary>
    internal static int WriteDeclareQueue(
        scoped Span<byte> destination, uint request, QueueFlags flags, ulong maxLength, scoped ReadOnlySpan<byte> queue) =>
        WriteName(
            destination, FrameType.DeclareQueue,
            new DeclareQueueFrame { Request = request, Flags = (byte)flags, MaxLength = maxLength }, queue);

    /// <summary>Writes a <see cref="FrameType.QueueDeclared"/>, 24 bytes.</summary>
    internal static int WriteQueueDeclared(scoped Span<byte> destination, uint request, uint consumers, ulong ready) =>
        Begin(destination, FrameType.QueueDeclared, new QueueDeclaredFrame { Request = request, Consumers = consumers, Ready = ready }, 0);

    /// <summary>Writes a <see cref="FrameType.DeleteQueue"/>.</summary>
    internal static int WriteDeleteQueue(scoped Span<byte> destination, uint request, scoped ReadOnlySpan<byte> queue) =>
        WriteName(destination, FrameType.DeleteQueue, new NamedRequestFrame { Request = request }, queue);

    /// <summary>Writes a <see cref="FrameType.DeclareExchange"/>.</summary>
    internal static int WriteDeclareExchange(
        scoped Span<byte> destination, uint request, bool durable, ExchangeKind kind, scoped ReadOnlySpan<byte> exchange) =>
        WriteName(
            destination, FrameType.DeclareExchange,
            new DeclareExchangeFrame { Request = request, Flags = durable ? (byte)1 : (byte)0, Kind = (byte)kind }, exchange);

    /// <summary>Writes a <see cref="FrameType.DeleteExchange"/>.</summary>
    internal static int WriteDeleteExchange(scoped Span<byte> destination, uint request, scoped ReadOnlySpan<byte> exchange) =>
        WriteName(destination, FrameType.DeleteExchange, new NamedRequestFrame { Request = request }, exchange);

    /// <summary>Writes a <see cref="FrameType.Bind"/>.</summary>
    internal static int WriteBind(
        scoped Span<byte> destination, uint request,
        scoped ReadOnlySpan<byte> exchange, scoped ReadOnlySpan<byte> queue, scoped ReadOnlySpan<byte> key) =>
        WriteNames(destination, FrameType.Bind, new NamedRequestFrame { Request = request }, exchange, queue, key);

    /// <summary>Writes an <see cref="FrameType.Unbind"/>.</summary>
    internal static int WriteUnbind(
        scoped Span<byte> destination, uint request,
        scoped ReadOnlySpan<byte> exchange, scoped ReadOnlySpan<byte> queue, scoped ReadOnlySpan<byte> key) =>
        WriteNames(destination, FrameType.Unbind, new NamedRequestFrame { Request = request }, exchange, queue, key);
}
