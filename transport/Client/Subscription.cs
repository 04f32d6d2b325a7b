using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>Messages of one queue, delivered as fast as they are settled.</summary>
/// <remarks>
/// <para>At most <see cref="SubscriptionOptions.Credit"/> deliveries are unsettled at any time: who does not settle gets no more. What is unsettled when the
/// connection is lost is delivered again, flagged so; settling the old delivery is then ignored.</para>
/// <para>Settling is for any thread in <see cref="ConnectionMode.Background"/>, and for the polling one in <see cref="ConnectionMode.Polled"/>. It never blocks and, on
/// the connection's thread, never allocates. Settlements of one turn of the connection go out together.</para>
/// </remarks>
public sealed partial class Subscription : IDisposable, IAsyncDisposable
{
    /// <summary>Not told to the broker: a delivery that was settled before was read, its credit goes back.</summary>
    private const SettleKind TakenKind = 0;

    private readonly ConnectionAgent _agent;
    private readonly SubscriptionOptions _options;
    private readonly DeliveryHandler? _handler;
    private readonly SettleTracker _tracker = new();
    private readonly ForeignSettles _foreign = new();
    private readonly bool _isBackground;
    private ulong _tagBase; // Tags of earlier connections end here. Written by the connection's thread, as are the two below.
    private ulong _lastTag;
    private LowLatencyException? _error;
    private ulong _staleTag; // What was delivered up to here comes again. Written by the connection's thread, as is the next.
    private bool _isActive;
    private string _queue;
    private string _subscribeTo; // What to ask for after a reconnect: not an address that the broker gave.
    private int _isClosed;

    internal Subscription(ConnectionAgent agent, Connection connection, string queue, DeliveryHandler? handler, SubscriptionOptions options)
    {
        _agent = agent;
        _options = options;
        _handler = handler;
        _isBackground = agent.IsBackground;
        _messages = handler == null && options.Credit > 0 ? CreateMessages() : null;
        Connection = connection;
        _queue = queue;
        _subscribeTo = queue;
    }

    /// <summary>The connection that it was made on.</summary>
    public Connection Connection { get; }

    /// <summary>The queue, or the address that the broker gave for replies. A queue that the broker names may have another name after a reconnect, an address always has.</summary>
    public string Queue => Volatile.Read(ref _queue);

    /// <summary>On a queue with a single active consumer: whether this is the one. Any thread.</summary>
    public bool IsActive => Volatile.Read(ref _isActive);

    /// <summary>Why it ended; <c>null</c> while it goes on, or when its user closed it. Any thread.</summary>
    public LowLatencyException? Error => Volatile.Read(ref _error);

    /// <summary>Whether it is over: closed by its user, by the broker, or with its connection. Any thread.</summary>
    public bool IsClosed => Volatile.Read(ref _isClosed) != 0;

    /// <summary>Tag of the last delivery; 0 before the first. Any thread.</summary>
    public ulong LastTag => Volatile.Read(ref _lastTag);

    /// <summary>Done with one delivery: the broker forgets it.</summary>
    /// <param name="tag">Its tag. One of a lost connection, or settled already, is ignored.</param>
    /// <exception cref="ArgumentOutOfRangeException">A tag that was never delivered.</exception>
    public void Ack(ulong tag) => Settle(SettleKind.Ack, tag, tag);

    /// <summary>Done with every unsettled delivery up to one.</summary>
    /// <param name="tag">The last one's tag.</param>
    /// <exception cref="ArgumentOutOfRangeException">A tag that was never delivered.</exception>
    public void AckUpTo(ulong tag) => Settle(SettleKind.Ack, 0, tag);

    /// <summary>Done with the unsettled deliveries from one to another.</summary>
    /// <param name="first">The first one's tag.</param>
    /// <param name="last">The last one's tag, not below <paramref name="first"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">Tags that were never delivered, or in the wrong order.</exception>
    public void AckRange(ulong first, ulong last) => SettleRange(SettleKind.Ack, first, last);

    /// <summary>Gives one delivery back: it returns to its place in the queue and is delivered again, with a higher count.</summary>
    /// <inheritdoc cref="Ack"/>
    public void Requeue(ulong tag) => Settle(SettleKind.Requeue, tag, tag);

    /// <summary>Gives back the unsettled deliveries from one to another.</summary>
    /// <inheritdoc cref="AckRange"/>
    public void RequeueRange(ulong first, ulong last) => SettleRange(SettleKind.Requeue, first, last);

    /// <summary>One delivery is not wanted: it is dead-lettered where the queue says so, else forgotten.</summary>
    /// <inheritdoc cref="Ack"/>
    public void Reject(ulong tag) => Settle(SettleKind.Reject, tag, tag);

    /// <summary>The unsettled deliveries from one to another are not wanted.</summary>
    /// <inheritdoc cref="AckRange"/>
    public void RejectRange(ulong first, ulong last) => SettleRange(SettleKind.Reject, first, last);

    /// <summary>Ends the subscription; waits until the broker has answered. What is unsettled returns to the queue.</summary>
    /// <exception cref="LowLatencyException">The broker did not answer in time. It is over on this side all the same.</exception>
    /// <remarks>Any thread, but not from a handler. Deliveries may come until it returns. Does nothing when it is over.</remarks>
    public void Close()
    {
        if (BeginClose() is { } request)
            Connection.Await(request);
    }

    /// <inheritdoc cref="Close"/>
    public Task CloseAsync() => BeginClose() is { } request ? Connection.SendAsync(request, default) : Task.CompletedTask;

    /// <summary>Asks for no more messages; what is unsettled stays here and can still be settled. Then it is over.</summary>
    /// <exception cref="LowLatencyException">The broker did not answer in time.</exception>
    /// <remarks>Any thread. What has not been settled when the connection is lost comes again, to others.</remarks>
    public Task StopAsync()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0)
            return Task.CompletedTask;
        Volatile.Write(ref _isStopped, true);
        return Connection.SendAsync(Request.Close(this, keepsUnsettled: true), default);
    }

    /// <summary>Ends the subscription without waiting for the broker's answer.</summary>
    public void Dispose() => _ = CloseAsync().ContinueWith(
        static closed => closed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);

    /// <inheritdoc cref="CloseAsync"/>
    public ValueTask DisposeAsync() => new(CloseAsync());

    private Request? BeginClose()
        => Interlocked.Exchange(ref _isClosed, 1) != 0 ? null : Request.Close(this);

    private void SettleRange(SettleKind kind, ulong first, ulong last)
    {
        if (first == 0 || first > last)
            throw new ArgumentOutOfRangeException(nameof(first), first, $"Tags start at 1, and the first is not above the last, {last}.");
        Settle(kind, first, last);
    }

    // A first tag of 0 means all up to the last.
    private void Settle(SettleKind kind, ulong first, ulong last)
    {
        if (last == 0 || last > LastTag)
            ThrowUnknownTag(last);
        if (_options.IsSettledByDelivery)
        {
            if (!_options.ManualCredit)
                return; // By its delivery.
            kind = TakenKind;
            first = Math.Max(first, 1);
        }

        if (_isBackground && !_agent.IsOwnThread)
        {
            _foreign.Add(new Settlement(kind, first, last));
            _agent.WakeUp();
        }
        else
        {
            Apply(kind, first, last);
        }
    }

    // From the user's tags to those of the present connection.
    private void Apply(SettleKind kind, ulong first, ulong last)
    {
        if (last <= _tagBase)
            return;
        if (kind == TakenKind)
            _tracker.Take(first - Math.Min(first, _tagBase), last - _tagBase);
        else if (first == 0)
            _tracker.AckUpTo(last - _tagBase);
        else
            _tracker.Settle(kind, Math.Max(first, _tagBase + 1) - _tagBase, last - _tagBase);
    }

    /// <returns>What to take from the user's tags for those of the present connection.</returns>
    /// <exception cref="LowLatencyException">A delivery of a lost connection.</exception>
    internal ulong CheckForTransaction(ulong first, ulong last)
    {
        if (last == 0 || last > LastTag)
            ThrowUnknownTag(last);
        if (first > last)
            throw new ArgumentOutOfRangeException(nameof(first), first, $"The first tag is above the last, {last}.");
        ulong tagBase = Volatile.Read(ref _tagBase);
        if (last <= tagBase || (first != 0 && first <= tagBase))
        {
            throw new LowLatencyException(ErrorCode.NotConnected,
                $"Delivery {last} came on a connection that was lost since: it comes again, and is to be settled then.");
        }

        return tagBase;
    }

    private void ThrowUnknownTag(ulong tag)
        => throw new ArgumentOutOfRangeException(nameof(tag), tag, $"Queue '{Queue}' has delivered tags 1 to {LastTag} here.");
}
