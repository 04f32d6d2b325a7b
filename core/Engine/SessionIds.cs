namespace LowLatency.Core.Engine;

/// <summary>Hands out session ids, smallest first, up to a limit. Any thread; control plane.</summary>
internal sealed class SessionIds(int limit)
{
    private readonly Lock _gate = new();
    private readonly Stack<int> _free = new();
    private int _next;

    /// <summary>Ids in use.</summary>
    internal int Count { get; private set; }

    /// <returns>False when the limit is reached.</returns>
    internal bool TryRent(out int id)
    {
        lock (_gate)
        {
            if (!_free.TryPop(out id))
            {
                if (_next == limit)
                {
                    id = -1;
                    return false;
                }
                id = _next++;
            }
            Count++;
            return true;
        }
    }

    /// <summary>Gives an id back, after its <see cref="EventType.SessionClosed"/> was seen, or when it was never opened.</summary>
    internal void Return(int id)
    {
        lock (_gate)
        {
            _free.Push(id);
            Count--;
        }
    }
}
