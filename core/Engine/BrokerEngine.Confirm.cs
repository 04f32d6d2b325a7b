namespace LowLatency.Core.Engine;

// What publications are told of messages that were taken: in runs, when their level is reached and nothing holds them back (BrokerEngine.Block.cs).
internal sealed unsafe partial class BrokerEngine
{
    private readonly List<EnginePublication> _waitingForDisk = [];

    /// <summary>Counts a message as taken, to be confirmed at <paramref name="level"/>.</summary>
    private void Accepted(EnginePublication publication, ulong sequence, DurabilityLevel level, long endPosition)
    {
        publication.LastReceived = sequence;
        publication.Outstanding++;
        publication.Publisher?.Stored(sequence, level == DurabilityLevel.Memory ? 0 : endPosition, _limits.MaxWindow);
        AwaitConfirm(publication, sequence, level, endPosition);
    }

    private void AwaitConfirm(EnginePublication publication, ulong sequence, DurabilityLevel level, long endPosition)
    {
        publication.Pending.Add(sequence, level, endPosition, _batch, publication.BeginsBlocked);
        publication.BeginsBlocked = false;
        if (level == DurabilityLevel.Disk)
            _waitsForDisk = Math.Max(_waitsForDisk, endPosition);
        Schedule(publication);
    }

    private void Confirm()
    {
        int kept = 0;
        for (int i = 0; i < _scheduledPublications.Count; i++)
        {
            EnginePublication publication = _scheduledPublications[i];
            if (publication.IsEnded || ConfirmReached(publication))
            {
                publication.IsScheduled = false;
                // One that is held back is scheduled when it is let go.
                if (!publication.Pending.IsEmpty && !publication.IsEnded && !publication.WaitsForDisk)
                {
                    publication.WaitsForDisk = true;
                    _waitingForDisk.Add(publication);
                }
            }
            else
            {
                _scheduledPublications[kept++] = publication; // The port is full: again with the next batch.
            }
        }
        _scheduledPublications.RemoveRange(kept, _scheduledPublications.Count - kept);
    }

    /// <returns>False when the port had no room.</returns>
    private bool ConfirmReached(EnginePublication publication)
    {
        while (publication.Pending.TryPeek(DurablePosition, out ulong sequence, out DurabilityLevel level))
        {
            if (sequence >= publication.BlockedFrom)
                return true;
            ConfirmEvent* confirm = publication.Session.IsOverrun ? null : TryClaimEvent<ConfirmEvent>(publication.Session.Port, EventType.Confirm, 0);
            if (confirm == null)
                return false;
            *confirm = new ConfirmEvent
            {
                Session = publication.Session.Id,
                Publication = publication.Handle,
                Sequence = sequence,
                Level = (byte)level,
            };
            publication.Session.Port.Ring.Stage();
            publication.Outstanding -= publication.Pending.Take();
        }
        return true;
    }
}
