using System.Diagnostics;
using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Faults;

/// <summary>Publishes to a broker whose disk is full now and then, consumes, and knows what it was promised.</summary>
internal sealed class FullDiskStream : IDisposable
{
    private const string Queue = "full";
    private const int BodyLength = 16 * 1024;
    private const int EnoughRejections = 1;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Connection _connection;
    private readonly Publication _publication;
    private readonly Subscription _subscription;
    private readonly Lock _lock = new();
    private readonly byte[] _body = new byte[BodyLength];
    private readonly SortedSet<long> _rejected = [];
    private readonly List<(long Number, ulong Tag)> _delivered = [];
    private readonly SortedSet<long> _acked = [];
    private long _published;
    private long _resolved;
    private string? _wrong;

    internal FullDiskStream(string address)
    {
        _connection = Connection.Connect(address);
        _connection.DeclareQueue(Queue);
        _publication = _connection.OpenPublication(new PublicationOptions
        {
            RoutingKey = Queue,
            PublisherName = Queue,
            Durability = DurabilityLevel.Disk,
            Window = 128,
            OnConfirm = (_, sequence, _) => Volatile.Write(ref _resolved, (long)sequence),
            OnReject = OnReject,
        });
        _subscription = _connection.Subscribe(Queue, OnDelivery, new SubscriptionOptions { Credit = 60_000 });
    }

    internal int Rejections
    {
        get
        {
            lock (_lock)
                return _rejected.Count;
        }
    }

    /// <summary>Up to a disk that is full: the broker says so, with the code for it.</summary>
    internal void PublishUntilRejected()
    {
        int before = Rejections;
        WaitWhilePublishing(() => Rejections >= before + EnoughRejections, "messages are rejected");
    }

    /// <summary>Until one is confirmed again.</summary>
    internal void PublishUntilConfirmed()
    {
        long before = _published;
        WaitWhilePublishing(() => HasConfirmedAfter(before), "a message is confirmed again");
    }

    internal void PublishAFew()
    {
        long end = _published + 10;
        WaitWhilePublishing(() => _published >= end, "a few more are published");
    }

    internal void AckSome() => Ack(20);

    internal void AckAll() => Ack(int.MaxValue);

    /// <summary>Waits for what is under way.</summary>
    internal void Close()
    {
        Wait(() => Volatile.Read(ref _resolved) >= _published, "everything is confirmed or rejected");
        Wait(() => Kept().IsSubsetOf(Delivered()), "everything confirmed is delivered");
        // Acks are sent by then: the broker answers in order.
        _connection.DeclareQueue(Queue);
    }

    /// <summary>Confirmed, and not acknowledged.</summary>
    internal SortedSet<long> Kept()
    {
        lock (_lock)
        {
            var kept = new SortedSet<long>();
            for (long number = 1; number <= Volatile.Read(ref _resolved); number++)
            {
                if (!_rejected.Contains(number) && !_acked.Contains(number))
                    kept.Add(number);
            }
            return kept;
        }
    }

    internal static SortedSet<long> ReadNumbers(string address)
    {
        using Connection connection = Connection.Connect(address);
        return [.. QueueDrain.Read(connection, Queue, Patience).Select(body => BitConverter.ToInt64(body))];
    }

    public void Dispose() => _connection.Dispose();

    private SortedSet<long> Delivered()
    {
        lock (_lock)
            return [.. _delivered.Select(delivery => delivery.Number)];
    }

    private bool HasConfirmedAfter(long number)
    {
        lock (_lock)
        {
            long resolved = Volatile.Read(ref _resolved);
            return resolved > number && _rejected.GetViewBetween(number + 1, resolved).Count < resolved - number;
        }
    }

    private void OnReject(Publication publication, in Rejection rejection)
    {
        lock (_lock)
        {
            _rejected.Add((long)rejection.Sequence);
            if (rejection.Code != ErrorCode.DiskFull)
                _wrong ??= $"number {rejection.Sequence} was rejected with {rejection.Code}: {rejection.Reason}";
        }
    }

    private void OnDelivery(Subscription subscription, in Delivery delivery)
    {
        lock (_lock)
        {
            long number = BitConverter.ToInt64(delivery.Body);
            if (delivery.Body.Length != BodyLength)
                _wrong ??= $"a message of {delivery.Body.Length} bytes came";
            _delivered.Add((number, delivery.Tag));
        }
    }

    private void Ack(int count)
    {
        lock (_lock)
        {
            count = Math.Min(count, _delivered.Count);
            if (count == 0)
                return;
            foreach ((long number, _) in _delivered.Take(count))
                _acked.Add(number);
            _subscription.AckUpTo(_delivered[count - 1].Tag);
            _delivered.RemoveRange(0, count);
        }
    }

    private void WaitWhilePublishing(Func<bool> condition, string what) => Wait(
        () =>
        {
            BitConverter.TryWriteBytes(_body, _published + 1);
            if (_publication.TryPublish(_body) == PublishStatus.Accepted)
                _published++;
            else
                Thread.Sleep(1);
            return condition();
        },
        what);

    private void Wait(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            string? trouble = _wrong ?? _publication.Error?.Message ?? _subscription.Error?.Message;
            Assert.True(trouble == null, trouble);
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, $"{Patience.TotalSeconds} s were not enough until {what}: {_published} published, {_resolved} answered, {Rejections} rejected");
        }
    }
}
