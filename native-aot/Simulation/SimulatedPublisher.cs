using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>A publisher as its client keeps it: what was sent and not decided, over connections and restarts of the broker.</summary>
internal sealed class SimulatedPublisher(string host, string name, string exchange, string key, DurabilityLevel level, bool mandatory)
{
    /// <summary>Empty: the broker does not recognise resends, and the client sends none.</summary>
    internal string Name { get; } = name;

    /// <summary>Virtual host of its connections.</summary>
    internal string Host { get; } = host;

    internal string Exchange { get; } = exchange;

    internal string Key { get; } = key;

    internal DurabilityLevel Level { get; } = level;

    internal bool IsMandatory { get; } = mandatory;

    /// <summary>The client that has it open, or opens it.</summary>
    internal SimulatedClient? Owner { get; set; }

    internal uint Request { get; set; }

    internal uint Handle { get; set; }

    internal bool IsOpen { get; set; }

    internal uint Window { get; set; }

    internal ulong NextSequence { get; private set; } = 1;

    /// <summary>Sent under the present handle up to here.</summary>
    internal ulong Sent { get; private set; }

    /// <summary>Neither confirmed nor rejected.</summary>
    internal SortedDictionary<ulong, NaiveMessage> Undecided { get; } = [];

    /// <summary>The broker said that it may not go on yet.</summary>
    internal bool IsHeld { get; set; }

    /// <summary>The broker said that it holds confirms back.</summary>
    internal bool IsBlocked { get; set; }

    private ulong Settled => Undecided.Count == 0 ? NextSequence - 1 : Undecided.Keys.First() - 1;

    internal void OnOpened(PublicationOpenedEvent opened)
    {
        IsOpen = true;
        IsHeld = false;
        IsBlocked = false;
        Handle = opened.Publication;
        Window = opened.Window;
        if (opened.LastSequence >= NextSequence)
            throw new SimulationException($"Publisher '{Name}' is told that {opened.LastSequence} was stored, it sent up to {NextSequence - 1}.");
        if (Name.Length == 0)
        {
            Undecided.Clear();
            NextSequence = 1;
        }
        Sent = Settled;
    }

    internal void OnLost()
    {
        Owner = null;
        IsOpen = false;
    }

    /// <summary>The next message to send, a resend first; null when the window is full.</summary>
    internal Publish? Next(long nowNs, PublishFlags flags, Func<NaiveMessage> make)
    {
        foreach ((ulong sequence, NaiveMessage message) in Undecided)
        {
            if (sequence > Sent)
                return Send(sequence, message, nowNs, flags);
        }
        if (NextSequence > Settled + Window)
            return null;
        NaiveMessage made = make();
        Undecided.Add(NextSequence, made);
        return Send(NextSequence++, made, nowNs, flags);
    }

    internal bool HasResend => Undecided.Count > 0 && Undecided.Keys.Last() > Sent;

    internal void OnConfirm(ConfirmEvent confirm)
    {
        while (Undecided.Count > 0 && Undecided.First() is { } first && first.Key <= confirm.Sequence)
        {
            Undecided.Remove(first.Key);
            if ((DurabilityLevel)confirm.Level > first.Value.Confirmed)
                first.Value.Confirmed = (DurabilityLevel)confirm.Level;
        }
    }

    internal void OnRejected(RejectedEvent rejected)
    {
        Undecided.Remove(rejected.Sequence);
        IsHeld |= (ErrorCode)rejected.Code is ErrorCode.QueueFull or ErrorCode.DiskFull or ErrorCode.MemoryLimit;
    }

    private Publish Send(ulong sequence, NaiveMessage message, long nowNs, PublishFlags flags)
    {
        Sent = sequence;
        return new Publish(Owner!.Session, Handle, sequence, message, nowNs, flags);
    }
}
