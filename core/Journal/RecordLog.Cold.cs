namespace LowLatency.Core.Journal;

/// <content>Which segments may be read without waiting for the disk: the hot ones, and as many cold ones as there are slots.</content>
/// <remarks>
/// <code>
/// oldest                                  HotFrom                     tail
/// │ cold │ cold │ cold, in a slot │ cold │ hot │ hot │ hot │ active │
/// </code>
/// A segment is hot by its distance from the tail alone; what the kernel does with its pages is its own affair.
/// </remarks>
internal sealed unsafe partial class RecordLog
{
    private LoadSlot[] _slots = [];
    private int _hotSegments;
    private long _hotFrom;
    private long _coldBefore; // Those that were compressed when there was less memory are cold wherever they are.
    private long _uses;
    private long _tickets;
    private int _loadsDone;

    /// <summary>Where hot positions begin: those before it are asked for with <see cref="Ask(long, ref long)"/>. Engine thread.</summary>
    internal long HotFrom => _hotFrom;

    /// <summary>Rises when a load has ended. Any thread.</summary>
    internal int LoadsDone => Volatile.Read(ref _loadsDone);

    /// <summary>Slots for cold segments; the last one is for <see cref="AskToEmpty"/>. The preparer acts on those that are wanted.</summary>
    internal ReadOnlySpan<LoadSlot> Slots => _slots;

    /// <summary>Index of the first hot segment. Any thread, once the log has started.</summary>
    internal long FirstHotIndex => FirstHot(Active!.Index);

    /// <summary>Sets how much of the log is kept in memory. Before <see cref="Start"/>; without it all of it is hot.</summary>
    /// <param name="hotSegments">The active one and those before it.</param>
    /// <param name="coldSegments">Others that are read at a time.</param>
    internal void LimitMemory(int hotSegments, int coldSegments)
    {
        _hotSegments = hotSegments;
        _slots = new LoadSlot[coldSegments + 1];
        for (int i = 0; i < _slots.Length; i++)
            _slots[i] = new LoadSlot();
    }

    /// <summary>Asks for the segment of a position before <see cref="HotFrom"/>, and for the one after it when it goes on to that. Engine thread.</summary>
    /// <param name="reader">Index of the segment that the asker read last.</param>
    internal LoadStatus Ask(long position, ref long reader)
    {
        Segment segment = _table.Find(position >> _shift)!;
        LoadStatus status = Ask(segment, isReadAhead: false);
        if (status != LoadStatus.AtHand || segment.Index == reader)
            return status;
        if (_table.Find(reader)?.Slot is { } passed)
            passed.IsPassed = true;
        reader = segment.Index;
        Segment? next = _table.Find(segment.Index + 1);
        if (next != null && next.References > 0 && next.Base < _hotFrom)
            Ask(next, isReadAhead: true);
        return status;
    }

    /// <summary>Whether the record at a position can be read now without waiting for the disk; asks for nothing. Engine thread.</summary>
    internal bool IsAtHand(long position) => position >= _hotFrom || _table.Find(position >> _shift)!.Slot is { IsNoticed: true };

    /// <summary>Whether who asked for a position has reason to wait: its segment is there, but not at hand. Engine thread.</summary>
    internal bool IsAway(long position) =>
        position < _hotFrom && _table.Find(position >> _shift) is { IsUnreadable: false, Slot: null or { IsNoticed: false } };

    /// <summary>Asks for the segment of a position before <see cref="HotFrom"/>, and for no other. Engine thread.</summary>
    internal LoadStatus AskFor(long position) => Ask(_table.Find(position >> _shift)!, isReadAhead: false);

    /// <summary>Asks for a segment to be read from its start to its end, hot or not: it is checked, too. Engine thread.</summary>
    /// <returns>Whether it is there: it stays then until <see cref="Unpin"/>.</returns>
    internal bool AskToEmpty(Segment segment)
    {
        if (segment.Slot == null && !segment.IsUnreadable)
        {
            LoadSlot own = _slots[^1];
            if (own.State != LoadState.Wanted)
                Want(own, segment, isReadAhead: false);
        }
        if (segment.Slot is not { IsNoticed: true } slot)
            return false;
        slot.IsPinned = true;
        _emptied = segment.Index;
        return true;
    }

    /// <summary>No segment is read from start to end any more. Engine thread.</summary>
    internal void Unpin()
    {
        foreach (LoadSlot slot in _slots)
            slot.IsPinned = false;
    }

    /// <summary>Takes up what was loaded: from here on it is at hand. Engine thread.</summary>
    internal void NoteLoaded()
    {
        foreach (LoadSlot slot in _slots)
        {
            LoadState state = slot.State;
            if (slot.IsNoticed || state is LoadState.Idle or LoadState.Wanted)
                continue;
            // It may have been retired while it was loaded, and have another slot in its next life.
            if (slot.Segment!.Slot != slot)
            {
                Free(slot);
            }
            else if (state == LoadState.Loaded)
            {
                slot.IsNoticed = true;
                slot.LastUse = ++_uses;
            }
            else
            {
                slot.Segment.IsUnreadable = state == LoadState.Unreadable;
                slot.Segment.Slot = null;
                Free(slot);
            }
        }
    }

    /// <summary>Everybody who waited has had a turn: other segments may take the slots. Engine thread.</summary>
    internal void LetGoOfServed()
    {
        foreach (LoadSlot slot in _slots)
            slot.IsServed |= slot.IsNoticed;
    }

    /// <summary>A load has ended. Preparer.</summary>
    internal void EndLoad(LoadSlot slot, LoadState state)
    {
        slot.State = state;
        Volatile.Write(ref _loadsDone, _loadsDone + 1);
        OnSpace?.Wake();
    }

    private long FirstHot(long activeIndex) => _hotSegments == 0 ? 0 : Math.Max(_coldBefore, activeIndex - _hotSegments + 1);

    private LoadStatus Ask(Segment segment, bool isReadAhead)
    {
        if (segment.IsUnreadable)
            return LoadStatus.Unreadable;
        LoadSlot? slot = segment.Slot;
        if (slot == null)
        {
            slot = FindSlot(isReadAhead);
            if (slot == null)
                return LoadStatus.NoSlot;
            Want(slot, segment, isReadAhead);
            return LoadStatus.Loading;
        }
        if (isReadAhead)
            return LoadStatus.Loading;
        if (slot.IsReadAhead)
        {
            slot.IsReadAhead = false;
            if (slot.State == LoadState.Wanted)
                PreparerWake?.Wake(); // It may rest.
        }
        if (!slot.IsNoticed)
            return LoadStatus.Loading;
        slot.IsPassed = false;
        slot.LastUse = ++_uses;
        return LoadStatus.AtHand;
    }

    /// <summary>An idle slot, else the one that was passed longest ago, else, where somebody waits, the one used longest ago.</summary>
    private LoadSlot? FindSlot(bool isReadAhead)
    {
        LoadSlot? best = null;
        foreach (LoadSlot slot in _slots.AsSpan(0, _slots.Length - 1))
        {
            if (slot.State == LoadState.Idle)
                return slot;
            if (!slot.IsServed || slot.IsPinned || (isReadAhead && !slot.IsPassed))
                continue;
            if (best == null || (slot.IsPassed && !best.IsPassed) || (slot.IsPassed == best.IsPassed && slot.LastUse < best.LastUse))
                best = slot;
        }
        return best;
    }

    private void Want(LoadSlot slot, Segment segment, bool isReadAhead)
    {
        // Not where the preparer has been before it was noticed: who comes next lets go of that.
        if (slot.Segment != null && slot.Segment.Slot == slot)
        {
            slot.Segment.Slot = null;
            slot.Before = slot.Segment;
            slot.BeforeIndex = slot.Index;
        }
        slot.Segment = segment;
        slot.Index = segment.Index;
        slot.IsReadAhead = isReadAhead;
        slot.Ticket = ++_tickets;
        slot.IsNoticed = false;
        slot.IsServed = false;
        slot.IsPassed = false;
        slot.LoadedTo = 0;
        slot.CheckedTo = 0;
        segment.Slot = slot;
        slot.State = LoadState.Wanted;
        PreparerWake?.Wake();
    }

    /// <summary>A segment leaves the log.</summary>
    private static void LeaveSlot(Segment segment)
    {
        LoadSlot? slot = segment.Slot;
        segment.Slot = null;
        if (slot != null && slot.State != LoadState.Wanted)
            Free(slot);
    }

    private static void Free(LoadSlot slot)
    {
        slot.Segment = null;
        slot.IsNoticed = false;
        slot.IsServed = false;
        slot.IsPassed = false;
        slot.IsPinned = false;
        slot.State = LoadState.Idle;
    }
}
