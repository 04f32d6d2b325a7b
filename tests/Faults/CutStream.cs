using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Server.Torture;

namespace LowLatency.Tests.Faults;

/// <summary>A publisher, its queue and its consumer on a disk whose writes are logged: what it was told, and how far the log was then.</summary>
internal sealed class CutStream : IDisposable
{
    // One message in so many stays until so many more have come, so that the broker has to empty old segments while it is recorded.
    private const int KeepEvery = 60;
    private const int KeepFor = 3_000;

    private readonly BlockLog _log;
    private readonly StreamLedger _ledger;
    private readonly byte[] _body = new byte[StreamLedger.MaxLength];
    private readonly Random _random;
    private readonly Publication _publication;
    private readonly Subscription _subscription;
    private readonly CutNotes _published = new();
    private readonly CutNotes _confirmed = new();
    // Of each number, the length of the log before its ack was sent.
    private readonly Dictionary<long, int> _acked = [];
    private readonly List<(long Number, ulong Tag)> _unsettled = [];
    private long _next = 1;
    private long _highest;

    internal CutStream(Connection publishing, Connection consuming, int number, DurabilityLevel level, int seed, BlockLog log)
    {
        _log = log;
        Queue = $"cut-{number}";
        Level = level;
        _ledger = new StreamLedger(((ulong)seed << 8) + (ulong)number);
        _random = new Random(seed + number);
        publishing.DeclareQueue(Queue);
        DeclaredAt = log.Count;
        _publication = publishing.OpenPublication(new PublicationOptions
        {
            RoutingKey = Queue,
            PublisherName = Queue,
            Durability = level,
            Window = 64,
            OnConfirm = (_, sequence, _) => OnConfirmed((long)sequence),
            OnReject = (Publication _, in Rejection rejection) => Trouble ??= $"number {rejection.Sequence} was rejected: {rejection.Reason}",
        });
        _subscription = consuming.Subscribe(Queue, OnDelivery);
    }

    internal string Queue { get; }

    internal DurabilityLevel Level { get; }

    /// <summary>Length of the log when the queue was there for certain.</summary>
    internal int DeclaredAt { get; }

    internal string? Trouble { get; private set; }

    internal long Confirmed { get; private set; }

    internal LowLatencyException? Error => _publication.Error ?? _subscription.Error;

    internal void Publish()
    {
        // Before: whatever the disk has of it was written after this moment.
        int at = _log.Count;
        if (_publication.TryPublish(_body.AsSpan(0, _ledger.Write(_next, _body))) == PublishStatus.Accepted)
            _published.Add(at, _next++);
    }

    /// <summary>Holds what a queue had after a power cut to what was promised by then.</summary>
    /// <param name="cut">Length of the log that the disk had seen.</param>
    /// <param name="recovered">Bodies in the order of their delivery.</param>
    /// <returns>What is wrong, or null.</returns>
    internal string? Judge(int cut, List<byte[]> recovered)
    {
        long confirmed = Level == DurabilityLevel.Disk ? _confirmed.UpTo(cut) : 0;
        long published = _published.Below(cut);
        var there = new HashSet<long>();
        long last = 0;
        byte[] expected = new byte[StreamLedger.MaxLength];
        foreach (byte[] body in recovered)
        {
            long number = StreamLedger.NumberOf(body);
            if (number < 1 || number > published || !body.AsSpan().SequenceEqual(expected.AsSpan(0, _ledger.Write(number, expected))))
                return $"{Queue}: invented: a message of {body.Length} bytes that says it is number {number}; {published} were published";
            if (number <= last)
                return $"{Queue}: reordered: number {number} after {last}";
            there.Add(number);
            last = number;
        }
        // What was confirmed, and whatever has a later one behind it, is there or was acknowledged.
        for (long number = 1; number <= Math.Max(confirmed, last); number++)
        {
            if (!there.Contains(number) && !(_acked.TryGetValue(number, out int at) && at < cut))
                return $"{Queue}: lost: number {number} was not acknowledged; {confirmed} were confirmed at level disk, the last that is there is {last}";
        }
        return null;
    }

    public void Dispose()
    {
        _publication.Dispose();
        _subscription.Dispose();
    }

    private void OnConfirmed(long number)
    {
        // After: what was promised is below.
        _confirmed.Add(_log.Count, number);
        Confirmed = number;
    }

    // The queue keeps a few hundred, so that there is always something to lose.
    private void OnDelivery(Subscription subscription, in Delivery delivery)
    {
        long number = StreamLedger.NumberOf(delivery.Body);
        _highest = Math.Max(_highest, number);
        _unsettled.Add((number, delivery.Tag));
        if (_random.Next(150) != 0)
            return;
        int at = _log.Count;
        foreach ((long settled, ulong tag) in _unsettled)
        {
            if (IsKept(settled))
                continue;
            _acked.TryAdd(settled, at);
            subscription.Ack(tag); // One of a lost connection is passed over: it comes again.
        }
        _unsettled.RemoveAll(message => !IsKept(message.Number));
    }

    private bool IsKept(long number) => number % KeepEvery == 0 && number > _highest - KeepFor;
}

/// <summary>Numbers that rise, each with the length of the log at its moment. One thread writes; read when it has ended.</summary>
internal sealed class CutNotes
{
    private readonly List<(int At, long Number)> _notes = [];

    internal void Add(int at, long number)
    {
        if (_notes.Count > 0 && _notes[^1].At == at)
            _notes[^1] = (at, Math.Max(_notes[^1].Number, number));
        else
            _notes.Add((at, _notes.Count > 0 ? Math.Max(_notes[^1].Number, number) : number));
    }

    /// <summary>The highest number noted when the log was at most so long.</summary>
    internal long UpTo(int cut) => Find(note => note <= cut);

    /// <summary>The highest number noted when the log was shorter.</summary>
    internal long Below(int cut) => Find(note => note < cut);

    private long Find(Func<int, bool> counts)
    {
        int low = 0;
        int high = _notes.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (counts(_notes[middle].At))
                low = middle + 1;
            else
                high = middle;
        }
        return low == 0 ? 0 : _notes[low - 1].Number;
    }
}
