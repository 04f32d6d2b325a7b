namespace LowLatency.Core.Queues;

/// <summary>Who is subscribed to a queue, and who of them gets the next message. Engine thread only.</summary>
/// <remarks>
/// <code>
/// takers, by priority and arrival: ┌ 5: A B ┬ 0: C D E ┬ -1: F ┐   turns within a group; the next group when nobody in it can
/// viewers, by arrival:             ┌ G H ┐                         shown messages, take none
/// kept, by departure:              ┌ I ┐                           gone but for what they have not settled
/// </code>
/// </remarks>
internal sealed class ConsumerSet(bool isSingleActive)
{
    private Consumer[] _all = [];
    private Consumer[] _takers = [];
    private Consumer[] _viewers = [];
    private Consumer[] _kept = [];
    private ConsumerGroup[] _groups = [];
    private Consumer? _leaving;

    internal int Count => _all.Length;

    /// <summary>Every subscription, in the order they came.</summary>
    internal ReadOnlySpan<Consumer> All => _all;

    /// <summary>Those that browse or conflate.</summary>
    internal ReadOnlySpan<Consumer> Viewers => _viewers;

    /// <summary>Those that are no longer subscribed but still have something to settle.</summary>
    internal ReadOnlySpan<Consumer> Kept => _kept;

    /// <summary>Which viewer begins, so that all have their share.</summary>
    internal int ViewerTurn { get; set; }

    /// <summary>With a single active consumer: that one; null while the one before has something unsettled.</summary>
    internal Consumer? Active { get; private set; }

    /// <summary>The one subscription that allows no other beside it.</summary>
    internal Consumer? Exclusive => _all.Length == 1 && _all[0].IsExclusive ? _all[0] : null;

    internal void Add(Consumer consumer)
    {
        _all = [.. _all, consumer];
        if (consumer.IsViewer)
            _viewers = [.. _viewers, consumer];
        else
            SetTakers([.. _takers, consumer]);
    }

    /// <param name="keep">It has something unsettled that it keeps.</param>
    internal void Remove(Consumer consumer, bool keep)
    {
        _kept = Array.FindAll(_kept, other => other != consumer);
        if (keep)
            _kept = [.. _kept, consumer];
        _all = Array.FindAll(_all, other => other != consumer);
        if (consumer.IsViewer)
            _viewers = Array.FindAll(_viewers, other => other != consumer);
        else if (Array.IndexOf(_takers, consumer) >= 0)
            SetTakers(Array.FindAll(_takers, other => other != consumer));
    }

    /// <summary>The consumer whose turn it is among those that can take so many bytes; null when none can.</summary>
    /// <param name="payloadLength">Bytes of the message.</param>
    /// <param name="isPortFull">One had credit, but the port it is reached by has no room: try again.</param>
    internal Consumer? Next(int payloadLength, out bool isPortFull)
    {
        isPortFull = false;
        if (isSingleActive)
            return Active != null && CanReach(Active, payloadLength, ref isPortFull) ? Active : null;
        Consumer[] takers = _takers;
        foreach (ref ConsumerGroup group in _groups.AsSpan())
        {
            for (int i = 0; i < group.Count; i++)
            {
                if (group.Turn >= group.Count)
                    group.Turn = 0;
                Consumer consumer = takers[group.First + group.Turn++];
                if (CanReach(consumer, payloadLength, ref isPortFull))
                    return consumer;
            }
        }
        return null;
    }

    /// <summary>Who <see cref="Next"/> gave cannot be served yet, and is the next again.</summary>
    internal void GiveTurnBack(Consumer consumer)
    {
        foreach (ref ConsumerGroup group in _groups.AsSpan())
        {
            if (group.Priority == consumer.Priority && group.Turn > 0)
                group.Turn--;
        }
    }

    /// <summary>Sees to it that the right one is active: the first by priority and arrival, once the one before has nothing unsettled.</summary>
    /// <param name="passive">Who ceased to be active, though it is still subscribed.</param>
    /// <param name="active">Who became active.</param>
    /// <returns>True when anything changed.</returns>
    internal bool Elect(out Consumer? passive, out Consumer? active)
    {
        passive = null;
        active = null;
        if (!isSingleActive)
            return false;
        Consumer? first = _takers.Length > 0 ? _takers[0] : null;
        if (Active != null && Active != first)
        {
            _leaving = Active;
            passive = Array.IndexOf(_takers, Active) >= 0 ? Active : null;
            Active = null;
        }
        if (_leaving != null && (_leaving == first || _leaving.IsEnded || _leaving.Tags.UnsettledCount == 0))
            _leaving = null;
        if (_leaving == null && Active != first)
        {
            Active = first;
            active = first;
        }
        return passive != null || active != null;
    }

    /// <summary>Who holds the queue up, for a sentence: the one with most unsettled messages, and since when it has taken or settled nothing.</summary>
    internal string DescribeSlowest(long nowNs)
    {
        Consumer? slowest = null;
        foreach (Consumer consumer in _takers)
        {
            if (slowest == null || consumer.Tags.UnsettledCount > slowest.Tags.UnsettledCount)
                slowest = consumer;
        }
        foreach (Consumer consumer in _kept)
        {
            if (slowest == null || consumer.Tags.UnsettledCount > slowest.Tags.UnsettledCount)
                slowest = consumer;
        }
        if (slowest == null)
            return "it has no consumer";
        long seconds = Math.Max(0, nowNs - slowest.LastTakenNs) / 1_000_000_000;
        return $"its slowest consumer is subscription {slowest.Handle} of client '{slowest.Session.ClientName}' with {slowest.Tags.UnsettledCount} messages unsettled, which has taken nothing for {seconds} s";
    }

    private static bool CanReach(Consumer consumer, int payloadLength, ref bool isPortFull)
    {
        if (!consumer.CanTake(payloadLength))
            return false;
        if (consumer.Session.Port.CanDeliver)
            return true;
        isPortFull = true;
        return false;
    }

    private void SetTakers(Consumer[] takers)
    {
        // Stable, so that those of one priority stay in the order in which they came.
        _takers = [.. takers.OrderByDescending(static consumer => consumer.Priority)];
        var groups = new List<ConsumerGroup>();
        for (int i = 0; i < _takers.Length; i++)
        {
            int priority = _takers[i].Priority;
            if (groups.Count == 0 || groups[^1].Priority != priority)
                groups.Add(new ConsumerGroup { Priority = priority, First = i, Turn = TurnOf(priority) });
            ConsumerGroup group = groups[^1];
            group.Count++;
            groups[^1] = group;
        }
        _groups = [.. groups];
    }

    private int TurnOf(int priority)
    {
        foreach (ConsumerGroup group in _groups)
        {
            if (group.Priority == priority)
                return group.Turn;
        }
        return 0;
    }
}
