using LowLatency.Core.Engine;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Queues;

/// <summary>A queue: entries in order, who takes them, and its bound. Engine thread only.</summary>
/// <remarks>
/// What it holds is in <see cref="Entries"/> by sequence (ready, unsettled or delayed), or scheduled and without a sequence yet.
/// The order in which what is ready goes is in BrokerQueue.Order.cs, what waits for a time in BrokerQueue.Time.cs.
/// </remarks>
internal sealed unsafe partial class BrokerQueue
{
    internal BrokerQueue(uint id, VirtualHost host, byte[] name, QueueOptions options, EntryPool pool)
    {
        Id = id;
        Host = host;
        Name = name;
        DisplayName = NameRules.Text(name);
        Options = options;
        Durable = options.Durable;
        IsPlain = options.MaxPriority < 0 && options.LastValueKey == null && options.MessageTtlMs < 0;
        Consumers = new ConsumerSet(options.SingleActiveConsumer);
        Entries = new DispatchRing(pool);
        Cursor = Entries.Next;
        if (options.MaxPriority >= 0 || options.LastValueKey != null)
            _levels = new PriorityLevels(pool, Entries);
    }

    internal uint Id { get; }

    internal VirtualHost Host { get; }

    internal byte[] Name { get; }

    /// <summary>The name for sentences.</summary>
    internal string DisplayName { get; }

    /// <summary>What it was declared with.</summary>
    internal QueueOptions Options { get; }

    internal bool Durable { get; }

    /// <summary>Messages have no priority here, no key and, but for their own, no deadline.</summary>
    internal bool IsPlain { get; }

    /// <summary>Most messages that it holds.</summary>
    internal long MaxLength => Options.MaxLength;

    internal DispatchRing Entries { get; }

    internal long ReadyCount { get; private set; }

    internal long UnsettledCount { get; private set; }

    internal long DelayedCount { get; private set; }

    internal long ScheduledCount => Scheduled?.Count ?? 0;

    /// <summary>All that it holds.</summary>
    internal long Count => ReadyCount + UnsettledCount + DelayedCount + ScheduledCount;

    /// <summary>Payload bytes of all that it holds.</summary>
    internal long Bytes { get; private set; }

    /// <summary>The newest message of each key; null before the first. Rule O3.</summary>
    internal LastValues? LastValues { get; set; }

    internal ConsumerSet Consumers { get; }

    /// <summary>In the topology's order.</summary>
    internal LinkedListNode<BrokerQueue>? Place { get; set; }

    /// <summary>The newest snapshot that tells of it, or needs not: see BrokerEngine.Snapshot.cs.</summary>
    internal long ToldBy { get; set; }

    /// <summary>End of its definition record; 0 when it is not durable.</summary>
    internal long DefinedAt { get; set; }

    /// <summary>False once deleted.</summary>
    internal bool Exists { get; set; } = true;

    /// <summary>A direct reply-to address: one subscription's own, and hidden from others.</summary>
    internal bool IsReplyTo { get; init; }

    /// <summary>Its last turn could not be journaled yet.</summary>
    internal bool IsHeld { get; set; }

    /// <summary>Its last turn came to a message that is on the disk alone.</summary>
    internal bool AwaitsLoad { get; set; }

    /// <summary>That message's record.</summary>
    internal long AwaitedPosition { get; set; }

    /// <summary>What expired is to be moved, and is on the disk alone: what expires after it and the queue's own end wait, too, and nothing else.</summary>
    internal bool ExpiryAwaitsLoad { get; set; }

    /// <summary>The record of what expired.</summary>
    internal long AwaitedExpiry { get; set; }

    /// <summary>When it did, Unix time in nanoseconds: what expires before it does not wait.</summary>
    internal long AwaitedExpiryNs { get; set; }

    /// <summary>In the engine's list of queues that wait for the disk.</summary>
    internal bool IsListedForLoad { get; set; }

    /// <summary>Index of the cold segment from which it read last.</summary>
    internal ref long ColdReader => ref _coldReader;

    private long _coldReader = -1;

    /// <summary>Bindings to it.</summary>
    internal BindingChain Bindings { get; } = new(ofDestination: true);

    /// <summary>The walk that met it last: see <see cref="Router"/>.</summary>
    internal long RouteStamp { get; set; }

    /// <summary>The pass over an old segment that will look through it: see BrokerEngine.Reclaim.cs.</summary>
    internal long WalkStamp { get; set; }

    /// <summary>Session of the connection that alone may use it; null for all.</summary>
    internal Session? Owner { get; init; }

    /// <summary>In the engine's list of queues that may have something to deliver.</summary>
    internal bool IsScheduled { get; set; }
}
