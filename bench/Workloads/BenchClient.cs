using LowLatency.Bench.Machine;
using LowLatency.Bench.Native;
using LowLatency.Client;
using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Workloads;

/// <summary>One connection with a queue of its own, a publication to it and a subscription on it.</summary>
/// <remarks>
/// Polled, all members belong to one thread. In the background, handlers run on the connection's thread and everything else on the one that
/// made this; what the two share is in <see cref="Verifier"/> and in fields that change only while nothing is under way.
/// </remarks>
internal sealed class BenchClient : IDisposable
{
    private const int EmptyPollsBeforeWait = 64;
    private const int WaitMs = 100;
    private const int AllocationSampleMask = 255;

    private readonly RunOptions _options;
    private readonly Connection _connection;
    private readonly Publication _publication;
    private readonly string _queue;
    private readonly bool _deleteQueue;
    private Histogram? _times;
    private int _emptyPolls;
    private string? _fault;

    // Allocations of the connection's thread: at the first and the latest sampled delivery of a phase.
    private long _sampledBytes;
    private long _sampledMessages;
    private long _firstSampleBytes;
    private long _firstSampleMessages;

    internal BenchClient(RunOptions options, string address, bool deleteQueue, ConfirmHandler? onConfirm = null)
    {
        _options = options;
        _deleteQueue = deleteQueue;
        _queue = $"bench-{Environment.ProcessId}-{Guid.NewGuid():N}";
        Verifier = new Verifier(options.Size);
        _connection = Connection.Connect(address, new ConnectionOptions
        {
            Mode = options.Polled ? ConnectionMode.Polled : ConnectionMode.Background,
            Idle = options.Spin ? IdleMode.Spin : IdleMode.Adaptive,
            ClientName = "bench",
            Compress = options.Compress,
            Reconnect = false,
        });
        if (_connection.NoCompressionReason is { } reason)
            throw new BenchException(reason);
        _connection.DeclareQueue(_queue, new QueueOptions { Durable = options.Durability != DurabilityLevel.Memory });
        _publication = _connection.OpenPublication(new PublicationOptions
        {
            RoutingKey = _queue,
            Durability = options.Durability,
            Window = options.Window,
            WindowBytes = Math.Max(4 * 1024 * 1024, (int)Math.Min(1 << 30, (long)options.Window * (options.Size + 128))),
            OnConfirm = onConfirm,
            OnReject = OnReject,
        });
    }

    internal Verifier Verifier { get; }

    /// <summary>How many publishes were accepted by the client.</summary>
    internal long Published { get; private set; }

    /// <summary>Sequence that the next accepted publish gets in its publication.</summary>
    internal ulong NextSequence => _publication.LastSequence + 1;

    internal long Confirmed => (long)_publication.ConfirmedSequence;

    /// <summary>The first thing that was wrong, or null.</summary>
    internal string? Fault => Volatile.Read(ref _fault) ?? Verifier.FirstFault;

    internal void Subscribe()
        => _connection.Subscribe(_queue, OnDelivery, new SubscriptionOptions { Credit = _options.Credit });

    /// <summary>Begins a phase: while nothing is under way.</summary>
    /// <param name="times">Takes the time from intended send to handler, in nanoseconds; null: the handler reads no clock.</param>
    internal void BeginPhase(Histogram? times)
    {
        Volatile.Write(ref _times, times);
        Volatile.Write(ref _firstSampleMessages, 0);
        Volatile.Write(ref _sampledMessages, 0);
    }

    /// <returns>False when the window is full: do some <see cref="Work"/> and try again.</returns>
    internal bool TryPublish(ReadOnlySpan<byte> body)
    {
        PublishStatus status = _publication.TryPublish(body);
        if (status == PublishStatus.Accepted)
        {
            Published++;
            return true;
        }
        if (status != PublishStatus.WindowFull)
            NoteRefusal(status);
        return false;
    }

    /// <summary>Does what there is to do; polled only.</summary>
    /// <returns>How much it was.</returns>
    internal int Work() => _options.Polled ? _connection.Poll() : 0;

    /// <summary>Waits a moment for something to happen, as <c>--idle</c> says.</summary>
    /// <param name="timed">The caller must do something soon: do not sleep.</param>
    internal void Idle(bool timed)
    {
        if (_options.Spin)
            Thread.SpinWait(1);
        else if (timed || !_options.Polled)
            _ = Libc.Yield();
        else if (++_emptyPolls < EmptyPollsBeforeWait)
            Thread.SpinWait(1);
        else
            _connection.WaitForWork(WaitMs);
    }

    /// <summary>There was work: the next wait begins with spinning again.</summary>
    internal void NoteWork() => _emptyPolls = 0;

    /// <summary>Works until all published messages are confirmed and, with a subscription, received.</summary>
    internal void Drain(bool received)
    {
        var guard = new StallGuard(this);
        while (Confirmed < Published || (received && Verifier.Received < Published))
        {
            if (Work() > 0)
                NoteWork();
            else
                Idle(timed: false);
            guard.Check(MonotonicClock.NowNs);
        }
    }

    /// <summary>Bytes allocated per message on the connection's thread in this phase; 0 when polled: the caller counts its own.</summary>
    internal double BackgroundAllocBytesPerMessage()
    {
        long messages = Volatile.Read(ref _sampledMessages) - _firstSampleMessages;
        return _firstSampleMessages == 0 || messages <= 0 ? 0 : (double)(_sampledBytes - _firstSampleBytes) / messages;
    }

    private void OnDelivery(Subscription subscription, in Delivery delivery)
    {
        Verifier.Accept(delivery.Body, out long intendedNs);
        _times?.Record(MonotonicClock.NowNs - intendedNs);
        subscription.AckUpTo(delivery.Tag);
        if (!_options.Polled && (Verifier.Received & AllocationSampleMask) == 0)
            SampleAllocation();
    }

    private void SampleAllocation()
    {
        _sampledBytes = GC.GetAllocatedBytesForCurrentThread();
        if (_firstSampleMessages == 0)
        {
            _firstSampleBytes = _sampledBytes;
            _firstSampleMessages = Verifier.Received;
        }
        Volatile.Write(ref _sampledMessages, Verifier.Received);
    }

    private void OnReject(Publication publication, in Rejection rejection)
        => Volatile.Write(ref _fault, $"message {rejection.Sequence} was rejected: {rejection.Reason}");

    private void NoteRefusal(PublishStatus status)
    {
        // A full queue empties again; everything else ends the run.
        if (status != PublishStatus.QueueFull)
            throw new BenchException($"publish {Published + 1} was refused: {status}. {_publication.Error?.Message ?? _connection.Error?.Message} {Fault}");
    }

    public void Dispose()
    {
        if (_deleteQueue)
            _connection.DeleteQueue(_queue);
        _connection.Dispose();
    }
}
