using LowLatency.Core.Queues;

namespace LowLatency.Core.Routing;

/// <summary>The queues that a message goes to, each once, in the order they were reached. Reused: allocates only when it grows. Engine thread only.</summary>
internal sealed class RouteSet
{
    /// <summary>A message record counts its routes in 16 bits.</summary>
    internal const int MaxCount = ushort.MaxValue;

    private BrokerQueue[] _queues = new BrokerQueue[16];

    internal int Count { get; private set; }

    /// <summary>Valid until the set is used for another message.</summary>
    internal ReadOnlySpan<BrokerQueue> Queues => _queues.AsSpan(0, Count);

    /// <summary>More queues were reached than a message can have.</summary>
    internal bool IsTooLarge { get; private set; }

    /// <summary>Another message with the same key may go elsewhere.</summary>
    internal bool DependsOnHeaders { get; set; }

    internal void Clear()
    {
        Count = 0;
        IsTooLarge = false;
        DependsOnHeaders = false;
    }

    internal void Add(BrokerQueue queue)
    {
        if (Count == _queues.Length)
        {
            if (Count >= MaxCount)
            {
                IsTooLarge = true;
                return;
            }
            Array.Resize(ref _queues, Math.Min(Count * 2, MaxCount));
        }
        _queues[Count++] = queue;
    }
}
