using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>Queues beyond their bounds that hold confirms back (rule L5).</content>
internal sealed partial class NaiveBroker
{
    /// <summary>Messages and bytes that came into queues with the present call.</summary>
    private readonly Dictionary<NaiveQueue, (int Count, long Bytes)> _cameNow = [];

    /// <summary>The engine has confirmed what it could in this batch: who is let go of now is told with the next one.</summary>
    private bool _isAfterConfirms;

    private void NoteCame(NaiveQueue queue, StoredMessage message)
    {
        (int count, long bytes) = _cameNow.GetValueOrDefault(queue);
        _cameNow[queue] = (count + 1, bytes + message.PayloadLength);
    }

    /// <summary>A message was taken beyond the bounds of queues that block.</summary>
    private void HoldBack(NaivePublication publication, List<NaiveQueue> blocking)
    {
        // Of several queues of one message the first is the engine's choice.
        string[] order = blocking.Count < 2 ? [] : _engine.BlockReasons(blocking[0].Host, blocking.ConvertAll(queue => queue.Name), publication.Session.Id, publication.Handle);
        foreach (NaiveQueue queue in blocking.Where(queue => queue.Exists && !queue.IsWithinBounds).OrderBy(queue => Array.IndexOf(order, queue.Name)))
        {
            queue.TakenBeyond++;
            if (queue.Blocked.Contains(publication))
                continue;
            queue.Blocked.Add(publication);
            if (publication.Blocks++ == 0)
                publication.BlockedFrom = publication.LastReceived + 1;
            if (publication.BlockReasons.Contains(queue))
                continue;
            if (queue.Told.Count == 0)
                queue.BlocksSinceNs = _nowNs;
            queue.Told.Add(publication);
            publication.BlockReasons.Add(queue);
            if (publication.BlockReasons.Count > 1)
                continue;
            publication.BlockedSinceNs = queue.BlocksSinceNs;
            TellBlocked(publication, queue);
        }
    }

    /// <summary>Something has left a queue: confirms go on when it is within its bounds, and that is told when there is room again.</summary>
    private void LetGo(NaiveQueue queue)
    {
        if (queue.Options.Overflow != "block")
            return;
        // Between what leaves and what comes there may be room for a moment: whether it counts is the engine's choice.
        (int came, long bytes) = _cameNow.GetValueOrDefault(queue);
        NaiveQueue.Load least = new(queue.Count - came, queue.Bytes - bytes);
        if (queue.IsWithinBounds || (queue.Fits(least) && _engine.TakenBeyond(queue.Host, queue.Name) == 0))
            queue.TakenBeyond = 0;
        foreach (NaivePublication publication in queue.Blocked.ToArray())
        {
            if (queue.IsWithinBounds || (queue.Fits(least) && !_engine.IsBlocked(queue.Host, queue.Name, publication.Session.Id, publication.Handle)))
                Unblock(queue, publication);
        }
        foreach (NaivePublication publication in queue.Told.ToArray())
        {
            if (queue.EndsBlock || ((queue.HasRoom(least) || least.Count <= 0) && !_engine.IsToldBlocked(queue.Host, queue.Name, publication.Session.Id, publication.Handle)))
                EndReason(queue, publication);
        }
    }

    /// <summary>A queue goes: it holds nobody back any more.</summary>
    private void LetGoOfAll(NaiveQueue queue)
    {
        foreach (NaivePublication publication in queue.Blocked.ToArray())
            Unblock(queue, publication);
        foreach (NaivePublication publication in queue.Told.ToArray())
            EndReason(queue, publication);
    }

    private void Unblock(NaiveQueue queue, NaivePublication publication)
    {
        queue.Blocked.Remove(publication);
        if (--publication.Blocks > 0)
            return;
        publication.BlockedFrom = ulong.MaxValue;
        publication.LetGoLateIn = _isAfterConfirms ? _batch : 0;
    }

    private void EndReason(NaiveQueue queue, NaivePublication publication)
    {
        queue.Told.Remove(publication);
        int place = publication.BlockReasons.IndexOf(queue);
        publication.BlockReasons.RemoveAt(place);
        if (place > 0)
            return; // It was told of another, which goes on.
        if (publication.BlockReasons.Count > 0)
            TellBlocked(publication, publication.BlockReasons[0]);
        else
            Tell(publication.Session, new ExpectedEvent(EventType.PublicationUnblocked, publication.Handle, (ulong)(_nowNs - publication.BlockedSinceNs), ErrorCode.None, true));
    }

    private static void TellBlocked(NaivePublication publication, NaiveQueue queue) =>
        Tell(publication.Session, new ExpectedEvent(EventType.PublicationBlocked, publication.Handle, (ulong)queue.BlocksSinceNs, ErrorCode.QueueFull, true) { Queues = [queue.Name] });

    /// <summary>A publication ends: nobody has to tell it anything.</summary>
    private static void ForgetBlocks(NaivePublication publication)
    {
        foreach (NaiveQueue queue in publication.BlockReasons)
        {
            queue.Told.Remove(publication);
            queue.Blocked.Remove(publication);
        }
        publication.BlockReasons.Clear();
        publication.Blocks = 0;
        publication.BlockedFrom = ulong.MaxValue;
    }
}
