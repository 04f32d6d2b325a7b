namespace LowLatency.Core.Routing;

/// <summary>A fixed number of places, each held by one binding: a message's hash names its place, so that a choice is one look-up. Engine thread only.</summary>
/// <remarks>
/// A place goes to the binding that draws the least there (weighted rendezvous): a number that only the place and the binding
/// determine, divided by the weight. So each binding holds a share in proportion to its weight; a new one takes its places from the others
/// in proportion, and only those; one that goes leaves its places to the others, and nothing else moves. A ring of points would need
/// hundreds of thousands of them for the largest weights.
/// </remarks>
internal sealed class HashPlaces
{
    /// <summary>Ten bindings of one weight hold within about 2 % the same, a hundred 5 %.</summary>
    internal const int PlaceBits = 15;

    internal const int Count = 1 << PlaceBits;
    internal const int MaxBindings = ushort.MaxValue;

    private readonly List<Drawer> _drawers = [default]; // Number 0 holds the places while there is no binding.
    private readonly Stack<int> _freeNumbers = [];
    private ushort[]? _holders;
    private int _bindings;

    /// <summary>The binding for a hash; null when there is none.</summary>
    internal Binding? Choose(ulong hash) => _holders == null ? null : _drawers[_holders[PlaceOf(hash)]].Binding;

    internal void Add(Binding binding, int weight)
    {
        if (!_freeNumbers.TryPop(out int number))
        {
            number = _drawers.Count;
            _drawers.Add(default);
        }
        _bindings++;
        binding.Number = number;
        var drawer = new Drawer(binding, weight);
        _drawers[number] = drawer;
        bool isFirst = _holders == null;
        _holders ??= new ushort[Count];
        for (int place = 0; place < Count; place++)
        {
            if (isFirst || drawer.IsBefore(_drawers[_holders[place]], place))
                _holders[place] = (ushort)number;
        }
    }

    internal void Remove(Binding binding)
    {
        int number = binding.Number;
        _drawers[number] = default;
        _freeNumbers.Push(number);
        if (--_bindings == 0)
        {
            _holders = null;
            return;
        }
        ushort[] holders = _holders!;
        for (int place = 0; place < Count; place++)
        {
            if (holders[place] == number)
                holders[place] = Best(place);
        }
    }

    private ushort Best(int place)
    {
        int best = 0;
        for (int i = 1; i < _drawers.Count; i++)
        {
            if (_drawers[i].Binding != null && (best == 0 || _drawers[i].IsBefore(_drawers[best], place)))
                best = i;
        }
        return (ushort)best;
    }

    /// <summary>Index of the place of a hash.</summary>
    internal static int PlaceOf(ulong hash) => (int)(hash >> (64 - PlaceBits));

    private readonly struct Drawer(Binding binding, int weight)
    {
        private readonly HashDrawer _drawer = new(binding.Queue == null, binding.Queue != null ? binding.Queue.Name : binding.Exchange!.Name, binding.Key, binding.Arguments, weight);

        internal Binding? Binding => binding;

        internal bool IsBefore(in Drawer other, int place) => _drawer.IsBefore(in other._drawer, place);
    }
}
