namespace LowLatency.Core.Routing;

/// <summary>What exchanges decide by.</summary>
/// <param name="key">Routing key, 255 bytes at most.</param>
/// <param name="headers">Content header; empty for none.</param>
internal readonly ref struct RoutedMessage(ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers)
{
    internal ReadOnlySpan<byte> Key { get; } = key;

    internal ReadOnlySpan<byte> Headers { get; } = headers;
}
