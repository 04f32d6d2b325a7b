using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <content>The everyday path: tasks that complete with the confirm.</content>
public sealed partial class Publication
{
    private readonly Lock _gate = new();
    private readonly Queue<PublishWaiter> _pending = new(); // Waiting for room, first come first served.
    private readonly List<(ulong Sequence, TaskCompletionSource Done)> _flushes = [];
    private bool _isShared; // From now on appending takes the gate.
    private bool _hasPending;
    private bool _hasFlushes;

    private bool HasPending => Volatile.Read(ref _hasPending);

    /// <summary>Publishes one message; the task completes when the broker has it.</summary>
    /// <param name="body">Must not change until the task is complete.</param>
    /// <param name="cancellation">Ends the waiting; a message that went is not called back.</param>
    /// <returns>The confirm with the level reached.</returns>
    /// <exception cref="PublishRejectedException">The broker did not keep it, or it is too large.</exception>
    /// <exception cref="LowLatencyException">The publication or its connection is, or was, closed: the message's fate is unknown if it was accepted before.</exception>
    /// <remarks>Several threads (in <see cref="ConnectionMode.Polled"/> the one that polls). Waits for room in the window, and for a reconnect, without blocking.
    /// Messages from one thread keep their order.</remarks>
    public ValueTask<Confirmation> PublishAsync(ReadOnlyMemory<byte> body, CancellationToken cancellation = default)
        => PublishAsync(body, ReadOnlyMemory<byte>.Empty, ReadOnlyMemory<byte>.Empty, cancellation);

    /// <inheritdoc cref="PublishAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    /// <param name="body">Must not change until the task is complete.</param>
    /// <param name="properties">Copied before return.</param>
    /// <param name="routingKey">Empty for the publication's.</param>
    /// <param name="cancellation">Ends the waiting; a message that went is not called back.</param>
    public ValueTask<Confirmation> PublishAsync(
        ReadOnlyMemory<byte> body, MessageProperties properties, string routingKey = "", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(properties);
        Names.CheckMayBeEmpty(routingKey, "routing key");
        return PublishAsync(body, (ReadOnlyMemory<byte>)properties.Headers.ToArray(), System.Text.Encoding.UTF8.GetBytes(routingKey), cancellation);
    }

    /// <inheritdoc cref="PublishAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    /// <param name="body">Must not change until the task is complete, nor may the next two.</param>
    /// <param name="headers">A content header or empty; at most 65,535 bytes. A malformed one is rejected.</param>
    /// <param name="routingKey">UTF-8 of at most 255 bytes; empty for the publication's.</param>
    /// <param name="cancellation">Ends the waiting; a message that went is not called back.</param>
    public ValueTask<Confirmation> PublishAsync(
        ReadOnlyMemory<byte> body, ReadOnlyMemory<byte> headers, ReadOnlyMemory<byte> routingKey, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        CheckLengths(headers.Length, routingKey.Length); // Here: later it would be on the connection's thread.
        var waiter = new PublishWaiter(body, headers, routingKey);
        PublishStatus status;
        lock (_gate)
        {
            Volatile.Write(ref _isShared, true);
            status = _pending.Count == 0 ? Append(waiter) : PublishStatus.WindowFull;
            if (status is PublishStatus.WindowFull or PublishStatus.NotConnected)
            {
                _pending.Enqueue(waiter);
                Volatile.Write(ref _hasPending, true);
            }
        }

        if (status is not (PublishStatus.Accepted or PublishStatus.WindowFull or PublishStatus.NotConnected))
            Refuse(waiter, status);
        waiter.CancelWith(cancellation);
        if (_isBackground)
            _agent.WakeUp(); // Also where it waits: room may have come before it was queued.
        return new ValueTask<Confirmation>(waiter.Task);
    }

    /// <summary>Answers a request: to its reply-to, with its correlation id. The publication must be to the default exchange.</summary>
    /// <param name="request">Has a <see cref="Properties.ReplyTo"/>.</param>
    /// <param name="body">Must not change until the task is complete.</param>
    /// <param name="cancellation">Ends the waiting; a message that went is not called back.</param>
    /// <exception cref="InvalidOperationException">The message asks for no reply, or this publication is to another exchange.</exception>
    /// <exception cref="PublishRejectedException">Whoever asked is gone.</exception>
    public ValueTask<Confirmation> ReplyAsync(Message request, ReadOnlyMemory<byte> body, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        Properties asked = request.Properties;
        if (asked.ReplyTo.IsEmpty || Exchange.Length > 0)
            throw new InvalidOperationException("A reply goes to the address that the request names, by a publication to the default exchange.");
        var properties = new MessageProperties { CorrelationId = System.Text.Encoding.UTF8.GetString(asked.CorrelationId) };
        return PublishAsync(body, properties, System.Text.Encoding.UTF8.GetString(asked.ReplyTo), cancellation);
    }

    /// <summary>Completes when every message published before the call is decided: confirmed, or reported as rejected.</summary>
    /// <exception cref="LowLatencyException">The publication or its connection was closed before that.</exception>
    /// <remarks>Any thread (in <see cref="ConnectionMode.Polled"/> the one that polls, which must go on polling).</remarks>
    public Task FlushAsync(CancellationToken cancellation = default)
    {
        TaskCompletionSource done;
        lock (_gate)
        {
            ulong last = LastSequence + (ulong)_pending.Count;
            if (last == ConfirmedSequence)
                return Task.CompletedTask;
            if (Status == PublishStatus.Closed)
                return Task.FromException(ClosedError());
            done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _flushes.Add((last, done));
            Volatile.Write(ref _hasFlushes, true);
        }

        if (_isBackground)
        {
            Interlocked.MemoryBarrier(); // Pairs with the one in AfterDecisions: one of the two sees the other.
            CompleteFlushes(); // The last decision may have come in between.
        }

        return done.Task.WaitAsync(cancellation);
    }

    private PublishStatus TryPublishShared(
        ReadOnlySpan<byte> body, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> routingKey, long publishedNs, out ulong sequence)
    {
        PublishStatus status = PublishStatus.WindowFull;
        sequence = 0;
        lock (_gate)
        {
            if (_pending.Count == 0)
                status = Append(body, headers, routingKey, publishedNs, waiter: null, out sequence);
        }

        if (status == PublishStatus.Accepted && _isBackground)
            _agent.WakeUp();
        return status;
    }

    private PublishStatus Append(PublishWaiter waiter)
        => Append(waiter.Body.Span, waiter.Headers.Span, waiter.RoutingKey.Span, 0, waiter, out _);

    // The connection's thread: there may be room now.
    private void AdmitPending()
    {
        lock (_gate)
        {
            while (_pending.TryPeek(out PublishWaiter? waiter))
            {
                if (!waiter.Task.IsCompleted)
                {
                    PublishStatus status = Append(waiter);
                    if (status is PublishStatus.WindowFull or PublishStatus.NotConnected)
                        return;
                    if (status != PublishStatus.Accepted)
                        Refuse(waiter, status);
                }

                _pending.Dequeue();
            }

            Volatile.Write(ref _hasPending, false);
        }
    }

    private void Refuse(PublishWaiter waiter, PublishStatus status) => waiter.Fail(status switch
    {
        PublishStatus.QueueFull => new PublishRejectedException(ErrorCode.QueueFull, 0, FullQueue ?? "",
            $"Queue '{FullQueue}' is at its length bound: consume from it or publish again later."),
        PublishStatus.DiskFull => new PublishRejectedException(ErrorCode.DiskFull, 0, "",
            "The broker's disk is full: give it room and publish again later."),
        PublishStatus.BodyTooLarge => new PublishRejectedException(ErrorCode.ContentTooLarge, 0, "",
            $"A body of {waiter.Body.Length} bytes is too large: the broker and this publication's window take {_maxBodyLength}."),
        _ => ClosedError(),
    });

    private LowLatencyException ClosedError()
        => Error ?? new LowLatencyException(ErrorCode.NotConnected, "The publication is closed: open a new one.");

    private void CompleteFlushes()
    {
        lock (_gate)
        {
            ulong settled = ConfirmedSequence;
            bool isIdle = settled == LastSequence && _pending.Count == 0;
            for (int i = _flushes.Count - 1; i >= 0; i--)
            {
                if (!isIdle && _flushes[i].Sequence > settled)
                    continue;
                _flushes[i].Done.TrySetResult();
                _flushes.RemoveAt(i);
            }

            Volatile.Write(ref _hasFlushes, _flushes.Count > 0);
        }
    }

    // The connection's thread: nothing more will be decided.
    private void FailWaiting(LowLatencyException error)
    {
        lock (_gate)
        {
            while (_pending.TryDequeue(out PublishWaiter? waiter))
                waiter.Fail(error);
            Volatile.Write(ref _hasPending, false);
            foreach ((_, TaskCompletionSource done) in _flushes)
                done.TrySetException(error);
            _flushes.Clear();
            Volatile.Write(ref _hasFlushes, false);
        }
    }
}
