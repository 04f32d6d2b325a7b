using LowLatency.Core.Engine;

namespace LowLatency.Transport.Server;

/// <summary>Confirms of one connection that wait until its socket takes bytes again: of each publication and level the latest.</summary>
/// <remarks>Confirms are cumulative, so the latest says it all, except what level the earlier ones reached: another level is kept apart. One thread.</remarks>
internal sealed class WaitingConfirms
{
    /// <summary>Most confirms kept: every publication of a session, several times over. At the limit the client is too slow.</summary>
    internal const int MaxCount = 8192;

    private ConfirmEvent[] _confirms = [];

    internal int Count { get; private set; }

    internal ref readonly ConfirmEvent this[int index] => ref _confirms[index];

    /// <returns>False at the limit.</returns>
    internal bool TryAdd(in ConfirmEvent confirm)
    {
        // From the end: the last entry of the publication decides.
        for (int i = Count - 1; i >= 0; i--)
        {
            ref ConfirmEvent waiting = ref _confirms[i];
            if (waiting.Publication != confirm.Publication)
                continue;
            if (waiting.Level != confirm.Level)
                break;
            waiting.Sequence = confirm.Sequence;
            return true;
        }

        if (Count == MaxCount)
            return false;
        if (Count == _confirms.Length)
            Array.Resize(ref _confirms, Math.Max(4, Count * 2));
        _confirms[Count++] = confirm;
        return true;
    }

    /// <summary>Drops the oldest: they are written.</summary>
    internal void RemoveFirst(int count)
    {
        Count -= count;
        Array.Copy(_confirms, count, _confirms, 0, Count);
    }

    internal void Clear() => Count = 0;
}
