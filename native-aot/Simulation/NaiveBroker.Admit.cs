using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>Which queues take a message, and what becomes of it where they do not (rules L1 to L5).</content>
internal sealed partial class NaiveBroker
{
    /// <summary>What the bounds of a route say to a message.</summary>
    private sealed class Admitted(StoredMessage message)
    {
        internal StoredMessage Message { get; set; } = message;

        internal bool IsScheduled => Message.DueNs > 0;

        internal DurabilityLevel Level { get; set; }

        internal List<NaiveQueue> Takers { get; } = [];

        /// <summary>Those of them that take it beyond their bounds, and hold its confirm back.</summary>
        internal List<NaiveQueue> Blocking { get; } = [];

        internal List<(StoredMessage Message, NaiveQueue Queue)> Elsewhere { get; } = [];

        /// <summary>Queues for which it is rejected.</summary>
        internal List<NaiveQueue> Full { get; } = [];

        /// <summary>Queues that would send it round.</summary>
        internal List<NaiveQueue> Cycles { get; } = [];

        /// <summary>Nothing of it goes anywhere.</summary>
        internal bool IsRejectedOutright { get; set; }

        internal bool IsRejected => Full.Count + Cycles.Count > 0;
    }

    private Admitted Admit(NaivePublication publication, Publish command, string key, List<NaiveQueue> route)
    {
        var message = new StoredMessage(command.Message, key, command.Message.Headers, command.ReceivedNs, IsJournaled: false)
        {
            Number = ++_storedCount,
            Exchange = publication.Exchange?.Identity,
            DueNs = DueNs(command.Message.Headers, command.ReceivedNs),
        };
        if (message.DueNs <= _nowNs)
            message = message with { DueNs = 0 };
        var admitted = new Admitted(message);
        DurabilityLevel asked = LevelOf(publication, command);
        foreach (NaiveQueue queue in route)
            Admit(admitted, queue, asked);
        bool isKept = admitted.Takers.Exists(queue => queue.Durable) || admitted.Elsewhere.Exists(dead => dead.Message.IsJournaled);
        admitted.Level = isKept ? asked : DurabilityLevel.Memory;
        return admitted;
    }

    private void Admit(Admitted admitted, NaiveQueue queue, DurabilityLevel asked)
    {
        StoredMessage message = admitted.Message;
        NaiveEntry? replaced = admitted.IsScheduled ? null : queue.ReplacedBy(message);
        bool hasRoom = !queue.IsFullFor(message.PayloadLength)
            || (replaced != null && queue.Bytes + queue.PromisedBytes - replaced.Message.PayloadLength + message.PayloadLength <= queue.Options.MaxBytes);
        bool blocks = queue.Options.Overflow == "block" && queue.Count + queue.PromisedCount - queue.Options.MaxLength < limits.MaxWindow && queue.TakenBeyond < limits.MaxWindow;
        if (hasRoom || blocks || queue.Options.Overflow == "drop-head")
        {
            if (!hasRoom && blocks)
                admitted.Blocking.Add(queue);
            admitted.Takers.Add(queue);
            return;
        }
        bool isCut = false;
        if (queue.Options.Overflow is "dead-letter" or "reject-publish-dlx")
        {
            (StoredMessage dead, List<NaiveQueue> deadRoute, isCut) = DeadRoute(queue, message with { IsJournaled = asked != DurabilityLevel.Memory }, "maxlen");
            _emptied.Add(queue); // Whoever waits for room is told when there is some.
            admitted.Elsewhere.AddRange(deadRoute.Select(to => (dead, to)));
            if (deadRoute.Count > 0 && queue.Options.Overflow == "dead-letter")
                return;
            if (deadRoute.Count > 0)
            {
                if (!admitted.IsRejectedOutright)
                    admitted.Full.Add(queue);
                return;
            }
        }
        // Which of several is named is the engine's choice.
        if (!admitted.IsRejectedOutright)
            admitted.Full.Clear();
        (isCut && queue.Options.Overflow == "dead-letter" ? admitted.Cycles : admitted.Full).Add(queue);
        admitted.IsRejectedOutright = true;
    }

    /// <summary>Puts a message where it was admitted to. The engine has stored it.</summary>
    private StoredMessage Store(Admitted admitted)
    {
        bool isJournaled = admitted.Level != DurabilityLevel.Memory;
        StoredMessage message = admitted.Message with { IsJournaled = isJournaled, End = (isJournaled ? Log : _core.Transient.Log).Tail };
        if (admitted.IsScheduled)
        {
            _scheduled[(message.Message.Id, message.ReceivedNs)] = message;
            foreach (NaiveQueue queue in admitted.Takers)
            {
                queue.Hold(message);
                NoteCame(queue, message);
            }
        }
        else
        {
            foreach (NaiveQueue queue in admitted.Takers.Where(queue => queue.Durable && queue.ReplacedBy(message) != null))
                _ = IsUncertain(queue, []);
            _arrivals.AddRange(admitted.Takers.Select(queue => new Arrival(queue, message, "")));
        }
        // What it pushes out goes with it; what that pushes out of other queues goes after it.
        Place();
        _arrivals.AddRange(admitted.Elsewhere.Select(dead => new Arrival(dead.Queue, dead.Message, "elsewhere")));
        foreach (NaiveQueue queue in admitted.Takers)
            DropFromHead(queue);
        _ready.RemoveAll(admitted.Takers.Contains);
        PlaceArrivals();
        return message;
    }
}
