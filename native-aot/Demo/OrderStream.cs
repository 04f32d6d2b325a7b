using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Server.Commands;

namespace LowLatency.Server.Demo;

/// <summary>Publishes order events at fixed times and consumes them, on one thread that polls both connections.</summary>
/// <remarks>
/// Open loop: an event is due at its time whether or not the broker keeps up, and its latency counts from then. The
/// thread spins: with a broker beside it, two processors are in use. <see cref="Run"/> owns everything; the members that
/// other threads may use say so.
/// </remarks>
internal sealed class OrderStream
{
    private const int PublishBatch = 64;

    private readonly StreamOptions _options;
    private readonly OrderEvents _events;
    private readonly byte[] _body = new byte[OrderEvents.MaxLength];
    private readonly double _intervalNs;
    private long _startNs;
    private long _next;
    private ulong _lastTag;
    private ulong _ackedTag;
    private long _publishedSeen;
    private long _outageState;
    private bool _wasLost;

    // _outageState: what the main thread asked for and the stream has answered.
    private const long NoOutage = 0;
    private const long OutageAsked = 1;
    private const long OutageBegun = 2;

    internal OrderStream(StreamOptions options)
    {
        _options = options;
        _events = new OrderEvents(options.Seed);
        _intervalNs = 1e9 / options.Rate;
        Ledger = new DeliveryLedger(_events, options.Count);
        Times = new StreamTimes(options.WarmUp);
    }

    /// <summary>Events of the whole stream.</summary>
    internal int Capacity => _options.Count;

    /// <summary>The proof. Read it after the stream's thread has ended.</summary>
    internal DeliveryLedger Ledger { get; }

    /// <summary>The times. Read them after the stream's thread has ended.</summary>
    internal StreamTimes Times { get; }

    /// <summary>Events published so far. Any thread.</summary>
    internal long Published => Volatile.Read(ref _publishedSeen);

    /// <summary>When the first confirm and the first delivery came after the connection was lost; 0 for never. Monotonic.</summary>
    internal long FirstConfirmNs { get; private set; }

    /// <inheritdoc cref="FirstConfirmNs"/>
    internal long FirstDeliveryNs { get; private set; }

    /// <summary>Messages that were under way without a confirm when the connection was lost.</summary>
    internal long UnconfirmedAtLoss { get; private set; }

    /// <summary>Time from the first event's due moment to the end, in nanoseconds.</summary>
    internal long ElapsedNs { get; private set; }

    /// <summary>Asks the stream to take what follows as an outage, and waits until it does. Any thread; once.</summary>
    /// <returns>False: the stream ended before.</returns>
    internal bool BeginOutage(Thread stream)
    {
        Volatile.Write(ref _outageState, OutageAsked);
        while (Volatile.Read(ref _outageState) == OutageAsked)
        {
            if (stream.Join(1))
                return false;
        }
        return true;
    }

    /// <summary>Runs the stream to its end on the calling thread.</summary>
    internal void Run()
    {
        using Connection publisher = ClientErrors.Connect(_options.Address, Options("demo publisher", OnPublisherState));
        using Connection consumer = ClientErrors.Connect(_options.Address, Options("demo consumer", null));
        publisher.DeclareQueue(_options.Queue, new QueueOptions { Durable = true });
        Subscription subscription = consumer.Subscribe(
            _options.Queue, OnDelivery, new SubscriptionOptions { Credit = _options.Window });
        Publication publication = publisher.OpenPublication(new PublicationOptions
        {
            RoutingKey = _options.Queue,
            Durability = _options.Durability,
            Window = _options.Window,
            WindowBytes = _options.Window * OrderEvents.MaxLength,
            OnConfirm = OnConfirm,
            OnReject = OnReject,
        });
        _startNs = MonotonicClock.NowNs;
        Times.BeginSteady(0, _options.Rate);
        long lastDueNs = DueNs(_options.Count);
        long deadlineNs = lastDueNs + (long)_options.Patience.TotalNanoseconds;
        while (!(_next == _options.Count && Ledger.IsComplete))
        {
            publisher.Poll();
            consumer.Poll();
            Acknowledge(subscription);
            bool onSchedule = PublishDue(publication);
            StepOutage(onSchedule);
            Times.Step(_next);
            if (MonotonicClock.NowNs > deadlineNs)
                break;
        }
        Times.EndMeasure(_next);
        ElapsedNs = MonotonicClock.NowNs - _startNs;
        Acknowledge(subscription);
        consumer.Poll();
    }

    private static ConnectionOptions Options(string name, ConnectionStateHandler? onStateChanged) => new()
    {
        Mode = ConnectionMode.Polled,
        ClientName = name,
        ReconnectDelay = TimeSpan.FromMilliseconds(2),
        ReconnectDelayMax = TimeSpan.FromMilliseconds(20),
        OnStateChanged = onStateChanged,
    };

    private long DueNs(long number) => _startNs + (long)(number * _intervalNs);

    /// <returns>Whether no event waits that is due.</returns>
    private bool PublishDue(Publication publication)
    {
        for (int i = 0; i < PublishBatch; i++)
        {
            if (_next == _options.Count || DueNs(_next) > MonotonicClock.NowNs)
                return true;
            ReadOnlySpan<byte> body = _body.AsSpan(0, _events.Write(_next, _body));
            if (publication.TryPublish(body) != PublishStatus.Accepted)
                return false;
            Ledger.OnPublished(body);
            _next++;
            Volatile.Write(ref _publishedSeen, _next);
        }
        return false;
    }

    private void StepOutage(bool onSchedule)
    {
        long state = Volatile.Read(ref _outageState);
        if (state == OutageAsked)
        {
            Times.BeginOutage(_next);
            Volatile.Write(ref _outageState, OutageBegun);
        }
        else if (state == OutageBegun && _wasLost && FirstConfirmNs != 0 && onSchedule)
        {
            // The publisher has caught up: later events find a broker as before.
            Times.BeginSteady(_next, _options.Rate);
            Volatile.Write(ref _outageState, NoOutage);
        }
    }

    private void Acknowledge(Subscription subscription)
    {
        if (_lastTag == _ackedTag)
            return;
        subscription.AckUpTo(_lastTag);
        _ackedTag = _lastTag;
    }

    private void OnPublisherState(Connection connection, ConnectionState state, LowLatencyException? reason)
    {
        if (state != ConnectionState.Reconnecting || _wasLost)
            return;
        _wasLost = true;
        UnconfirmedAtLoss = Ledger.Published - Ledger.Confirmed;
    }

    private void OnDelivery(Subscription subscription, in Delivery delivery)
    {
        _lastTag = delivery.Tag;
        long now = MonotonicClock.NowNs;
        if (!Ledger.OnDelivered(delivery.Body, delivery.IsRedelivered, out long number))
            return;
        Times.OnDelivered(number, now - DueNs(number));
        if (_wasLost && FirstDeliveryNs == 0)
            FirstDeliveryNs = now;
    }

    private void OnConfirm(Publication publication, ulong upToSequence, DurabilityLevel level)
    {
        long now = MonotonicClock.NowNs;
        long from = Ledger.Confirmed;
        Ledger.OnConfirmed((long)upToSequence); // Sequence 1 is event 0.
        if (level < _options.Durability)
            Ledger.OnRejected(); // A confirm that promises less than was asked for proves nothing.
        for (long number = from; number < Ledger.Confirmed; number++)
            Times.OnConfirmed(number, now - DueNs(number));
        if (_wasLost && FirstConfirmNs == 0)
            FirstConfirmNs = now;
    }

    private void OnReject(Publication publication, in Rejection rejection) => Ledger.OnRejected();
}
