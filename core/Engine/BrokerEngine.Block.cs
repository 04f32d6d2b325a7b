using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Publications whose confirms are held back, by a queue beyond its bounds (rule L5) or by a disk with little room (rule L7): told why, since when, and for
// how long it was.
internal sealed unsafe partial class BrokerEngine
{
    private DiskSpace? _space;
    private long _spaceLowSinceNs;
    private long _diskFullSinceNs;

    private bool IsSpaceLow => _space is { IsLow: true };

    /// <summary>What the preparer found on the disk.</summary>
    internal void OnDiskSpace(DiskSpace space)
    {
        bool wasLow = IsSpaceLow;
        _space = space;
        if (space.IsLow == wasLow)
            return;
        _spaceLowSinceNs = _nowNs;
        foreach (Session? session in _sessions)
        {
            if (session == null)
                continue;
            foreach (EnginePublication? publication in session.Publications.Items)
            {
                if (publication is not { IsEnded: false } || publication.Level == DurabilityLevel.Memory)
                    continue;
                if (!space.IsLow)
                {
                    Unblock(publication);
                    EndReason(publication, null);
                }
                else
                {
                    BlockForSpace(publication);
                }
            }
        }
    }

    /// <summary>The disk has little room: what is published is taken, but the window fills.</summary>
    private void BlockForSpace(EnginePublication publication)
    {
        Block(publication);
        AddReason(publication, null);
    }

    /// <summary>A queue holds the publication's confirms back until it is within its bounds.</summary>
    private void Block(EnginePublication publication, BrokerQueue queue)
    {
        if (queue.Blocked.Contains(publication))
            return;
        queue.Blocked.Add(publication);
        Block(publication);
        if (publication.BlockReasons.Contains(queue))
            return;
        if (!queue.HasTold)
            queue.BlocksSinceNs = _nowNs;
        queue.Told.Add(publication);
        AddReason(publication, queue);
    }

    private static void Block(EnginePublication publication)
    {
        if (publication.Blocks++ > 0)
            return;
        publication.BlockedFrom = publication.LastReceived + 1;
        publication.BeginsBlocked = true;
    }

    private void Unblock(BrokerQueue queue)
    {
        foreach (EnginePublication publication in queue.Blocked)
            Unblock(publication);
        queue.Blocked.Clear();
    }

    private void Unblock(EnginePublication publication)
    {
        if (--publication.Blocks > 0)
            return;
        publication.BlockedFrom = ulong.MaxValue;
        publication.BeginsBlocked = false;
        Schedule(publication);
    }

    private void EndReason(BrokerQueue queue)
    {
        foreach (EnginePublication publication in queue.Told)
            EndReason(publication, queue);
        queue.Told.Clear();
    }

    private void AddReason(EnginePublication publication, BrokerQueue? queue)
    {
        publication.BlockReasons.Add(queue);
        if (publication.BlockReasons.Count > 1)
            return;
        publication.BlockedSinceNs = SinceNs(queue);
        TellBlocked(publication, queue);
    }

    private void EndReason(EnginePublication publication, BrokerQueue? queue)
    {
        int place = publication.BlockReasons.IndexOf(queue);
        publication.BlockReasons.RemoveAt(place);
        if (place > 0)
            return; // It was told of another, which goes on.
        if (publication.BlockReasons.Count > 0)
            TellBlocked(publication, publication.BlockReasons[0]);
        else
            SendUnblocked(publication, _nowNs - publication.BlockedSinceNs);
    }

    /// <summary>A publication goes: nobody has to tell it anything.</summary>
    private static void ForgetReasons(EnginePublication publication)
    {
        foreach (BrokerQueue? queue in publication.BlockReasons)
        {
            queue?.Told.Remove(publication);
            queue?.Blocked.Remove(publication);
        }
        publication.BlockReasons.Clear();
    }

    private long SinceNs(BrokerQueue? queue) => queue?.BlocksSinceNs ?? _spaceLowSinceNs;

    private void TellBlocked(EnginePublication publication, BrokerQueue? queue)
    {
        if (queue == null)
            SendBlocked(publication, ErrorCode.DiskFull, _spaceLowSinceNs, default, _space!.Sentence);
        else
            SendBlocked(publication, ErrorCode.QueueFull, queue.BlocksSinceNs, queue.Name, $"{BoundSentence(queue)}. Confirms are held back until it has room.");
    }

    /// <summary>Notes since when the journal has no room for messages.</summary>
    private void NoteFullDisk()
    {
        if (_durableLog!.State != JournalState.NoSpace)
            _diskFullSinceNs = 0;
        else if (_diskFullSinceNs == 0)
            _diskFullSinceNs = _nowNs;
    }

    private string DiskFullSentence()
    {
        NoteFullDisk();
        long sinceNs = _diskFullSinceNs == 0 ? _nowNs : _diskFullSinceNs; // There may be room by now.
        return $"The journal's disk is full since {UnixClock.Text(sinceNs)}, for {(_nowNs - sinceNs) / 1_000_000_000} s now: consume messages or free space, the broker goes on by itself.";
    }
}
