using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

/// <summary>A message that leaves a queue without an ack, and where it goes.</summary>
internal struct Departure
{
    /// <summary>The queue that it leaves, or that had no room for it.</summary>
    internal BrokerQueue Queue;

    /// <summary>Its sequence there; 0 when it never got one: only the copy is made.</summary>
    internal long Sequence;

    /// <summary>Where its record is; <see cref="DepartureList.InHand"/> for the message that is being published.</summary>
    internal long Position;

    internal DropReason Reason;

    /// <summary>It is taken out of a queue whose journal must be told.</summary>
    internal bool IsTold;

    /// <summary>The move may have been made before, and the copy delivered: the journal's end was lost then.</summary>
    internal bool MaybeDelivered;

    /// <summary>The copy goes into the journal.</summary>
    internal bool IsCopyDurable;

    /// <summary>Queues that get the copy; 0: there is none.</summary>
    internal int RouteCount;

    internal int RouteStart;
    internal int HeadersStart;
    internal int HeadersLength;

    /// <summary>Exchange that the copy goes through; 0 for the default exchange.</summary>
    internal uint ExchangeId;
}

/// <summary>How far a <see cref="DepartureList"/> was filled.</summary>
internal readonly record struct DepartureMark(
    int Count, int DurableLength, int DurableRecords, int TransientLength, int TransientRecords, int Routes, int HeadersLength);

/// <summary>What is about to leave queues, decided before anything of it is written. Reused: grows to its largest size and allocates nothing then. Engine thread only.</summary>
internal sealed class DepartureList
{
    /// <summary>In place of a position: the message that is being published.</summary>
    internal const long InHand = -1;

    private Departure[] _items = new Departure[16];
    private BrokerQueue[] _routes = new BrokerQueue[16];
    private byte[] _headers = [];
    private int _routeCount;
    private int _headersLength;

    internal int Count { get; private set; }

    internal ref Departure this[int index] => ref _items[index];

    /// <summary>Most bytes that its records take in the journal.</summary>
    internal int DurableLength { get; set; }

    /// <summary>Records that it puts into the journal; more than one makes a group.</summary>
    internal int DurableRecords { get; set; }

    internal int TransientLength { get; set; }

    internal int TransientRecords { get; set; }

    internal ReadOnlySpan<BrokerQueue> RouteOf(in Departure departure) => _routes.AsSpan(departure.RouteStart, departure.RouteCount);

    internal ReadOnlySpan<byte> HeadersOf(in Departure departure) => _headers.AsSpan(departure.HeadersStart, departure.HeadersLength);

    internal bool Contains(BrokerQueue queue, long sequence)
    {
        for (int i = 0; i < Count; i++)
        {
            if (_items[i].Sequence == sequence && _items[i].Queue == queue)
                return true;
        }
        return false;
    }

    internal ref Departure Add(BrokerQueue queue, long sequence, long position, DropReason reason)
    {
        if (Count == _items.Length)
            Array.Resize(ref _items, Count * 2);
        ref Departure departure = ref _items[Count++];
        departure = new Departure { Queue = queue, Sequence = sequence, Position = position, Reason = reason, RouteStart = _routeCount };
        return ref departure;
    }

    /// <summary>Adds a queue that the last departure's copy goes to.</summary>
    internal void AddTarget(BrokerQueue queue)
    {
        if (_routeCount == _routes.Length)
            Array.Resize(ref _routes, _routeCount * 2);
        _routes[_routeCount++] = queue;
        _items[Count - 1].RouteCount++;
    }

    /// <summary>Sets the headers of the last departure's copy.</summary>
    internal void SetHeaders(ReadOnlySpan<byte> headers)
    {
        if (_headersLength + headers.Length > _headers.Length)
            Array.Resize(ref _headers, Math.Max(_headersLength + headers.Length, Math.Max(4096, _headers.Length * 2)));
        headers.CopyTo(_headers.AsSpan(_headersLength));
        ref Departure departure = ref _items[Count - 1];
        departure.HeadersStart = _headersLength;
        departure.HeadersLength = headers.Length;
        _headersLength += headers.Length;
    }

    /// <summary>What is in it now.</summary>
    internal DepartureMark Mark => new(Count, DurableLength, DurableRecords, TransientLength, TransientRecords, _routeCount, _headersLength);

    /// <summary>Takes out what came after a mark.</summary>
    internal void ReturnTo(in DepartureMark mark)
    {
        _items.AsSpan(mark.Count, Count - mark.Count).Clear();
        _routes.AsSpan(mark.Routes, _routeCount - mark.Routes).Clear();
        Count = mark.Count;
        DurableLength = mark.DurableLength;
        DurableRecords = mark.DurableRecords;
        TransientLength = mark.TransientLength;
        TransientRecords = mark.TransientRecords;
        _routeCount = mark.Routes;
        _headersLength = mark.HeadersLength;
    }

    internal void Clear()
    {
        _items.AsSpan(0, Count).Clear(); // A queue that was deleted is not held on to.
        _routes.AsSpan(0, _routeCount).Clear();
        Count = 0;
        DurableLength = 0;
        DurableRecords = 0;
        TransientLength = 0;
        TransientRecords = 0;
        _routeCount = 0;
        _headersLength = 0;
    }
}
