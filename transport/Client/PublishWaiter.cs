namespace LowLatency.Client;

/// <summary>A caller of <see cref="Publication.PublishAsync(ReadOnlyMemory{byte}, CancellationToken)"/> and its message.</summary>
internal sealed class PublishWaiter(ReadOnlyMemory<byte> body, ReadOnlyMemory<byte> headers, ReadOnlyMemory<byte> routingKey)
    : TaskCompletionSource<Confirmation>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    private CancellationTokenRegistration _cancellation;

    internal ReadOnlyMemory<byte> Body { get; } = body;

    internal ReadOnlyMemory<byte> Headers { get; } = headers;

    internal ReadOnlyMemory<byte> RoutingKey { get; } = routingKey;

    /// <summary>Ends the waiting with the token. The message, if it went, is not called back.</summary>
    internal void CancelWith(CancellationToken cancellation)
    {
        if (!cancellation.CanBeCanceled)
            return;
        _cancellation = cancellation.UnsafeRegister(
            static (waiter, token) => ((PublishWaiter)waiter!).TrySetCanceled(token), this);
        if (Task.IsCompleted)
            _cancellation.Unregister();
    }

    internal void Confirm(in Confirmation confirmation)
    {
        _cancellation.Unregister();
        TrySetResult(confirmation);
    }

    internal void Fail(LowLatencyException error)
    {
        _cancellation.Unregister();
        TrySetException(error);
    }
}
