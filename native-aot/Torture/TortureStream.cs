using LowLatency.Client;
using LowLatency.Core.Engine;

namespace LowLatency.Server.Torture;

/// <summary>A publisher, its queue and its consumer, and what they saw.</summary>
internal sealed class TortureStream : IDisposable
{
    // One message in so many is kept until so many more have come, while all around it is settled: its segment is then nearly empty, and
    // the broker has to move it out to get the segment back.
    private const int KeepEvery = 100;
    private const int KeepFor = 10_000;

    private readonly Queue<(long Number, ulong Tag)> _kept = [];
    private readonly List<ulong> _keptSinceAck = [];
    private readonly byte[] _body = new byte[StreamLedger.MaxLength];
    private readonly Random _settling;
    private readonly Publication _publication;
    private readonly Subscription _subscription;
    private long _next = 1;
    private long _highest;
    private ulong _settledTo;

    internal TortureStream(Connection publishing, Connection consuming, int number, DurabilityLevel level, TortureOptions options)
    {
        Queue = $"torture-{number}";
        Level = level;
        Ledger = new StreamLedger(((ulong)options.Seed << 8) + (ulong)number);
        _settling = new Random(options.Seed + number);
        publishing.DeclareQueue(Queue);
        _publication = publishing.OpenPublication(new PublicationOptions
        {
            RoutingKey = Queue,
            PublisherName = Queue,
            Durability = level,
            Window = options.Window,
            OnConfirm = (_, sequence, _) => Ledger.OnConfirmed((long)sequence),
            OnReject = OnReject,
        });
        _subscription = consuming.Subscribe(Queue, OnDelivery);
    }

    internal string Queue { get; }

    internal DurabilityLevel Level { get; }

    internal StreamLedger Ledger { get; }

    /// <summary>A message that the broker refused to keep: it had no reason to.</summary>
    internal string? Rejected { get; private set; }

    /// <summary>Everything published is confirmed and has arrived.</summary>
    internal bool IsComplete => _publication.IsIdle && Ledger.Delivered >= Ledger.Published;

    /// <summary>What ended it against its will; null while it runs.</summary>
    internal LowLatencyException? Error => _publication.Error ?? _subscription.Error;

    /// <summary>Publishes one message where there is room.</summary>
    internal bool TryPublish()
    {
        if (_publication.TryPublish(_body.AsSpan(0, Ledger.Write(_next, _body))) != PublishStatus.Accepted)
            return false;
        Ledger.OnPublished(_next++);
        return true;
    }

    private void OnReject(Publication publication, in Rejection rejection) => Rejected ??= $"number {rejection.Sequence}: {rejection.Reason}";

    // In lumps, late, and now and then back: so that every kill finds messages in every state.
    private void OnDelivery(Subscription subscription, in Delivery delivery)
    {
        Ledger.OnDelivered(delivery.Body, delivery.IsRedelivered);
        long number = StreamLedger.NumberOf(delivery.Body);
        _highest = Math.Max(_highest, number);
        while (_kept.Count > 0 && _kept.Peek().Number <= _highest - KeepFor)
            subscription.Ack(_kept.Dequeue().Tag); // One of a lost connection is passed over: it has come again since.
        if (number % KeepEvery == 0 && number > _highest - KeepFor)
        {
            _kept.Enqueue((number, delivery.Tag));
            _keptSinceAck.Add(delivery.Tag);
            return;
        }
        int choice = _settling.Next(64);
        if (choice == 0)
            subscription.Requeue(delivery.Tag);
        else if (choice < 8)
            AckUpTo(subscription, delivery.Tag);
    }

    private void AckUpTo(Subscription subscription, ulong tag)
    {
        ulong first = _settledTo + 1;
        foreach (ulong kept in _keptSinceAck)
        {
            if (kept > first)
                subscription.AckRange(first, kept - 1);
            first = kept + 1;
        }
        subscription.AckRange(first, tag);
        _keptSinceAck.Clear();
        _settledTo = tag;
    }

    public void Dispose()
    {
        _publication.Dispose();
        _subscription.Dispose();
    }
}
