using System.Numerics;

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
    internal Binding? Choose(ulong hash) => _holders == null ? null : _drawers[_holders[hash >> (64 - PlaceBits)]].Binding;

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

    /// <summary>A binding and what it draws.</summary>
    private readonly struct Drawer
    {
        private readonly ulong _identity;
        private readonly double _perWeight;

        internal Drawer(Binding binding, int weight)
        {
            Binding = binding;
            // By names, not by ids: the same definitions choose alike on any broker.
            ulong seed = RouteHash.Of(binding.Queue != null ? binding.Queue.Name : binding.Exchange!.Name, binding.Queue != null ? 1ul : 2ul);
            _identity = RouteHash.Of(binding.Arguments, RouteHash.Of(binding.Key, seed));
            _perWeight = 1d / weight;
        }

        internal Binding? Binding { get; }

        internal bool IsBefore(in Drawer other, int place)
        {
            double mine = Draw(place);
            double others = other.Draw(place);
            return mine < others || (mine == others && _identity < other._identity);
        }

        // Exponentially distributed, with the weight as its rate.
        private double Draw(int place) => MinusLog2(RouteHash.Mix(_identity + ((ulong)(uint)place * 0x9E3779B97F4A7C15))) * _perWeight;

        // -log2 of the number as a fraction of 2^64, by plain arithmetic: the same on every machine, which the C library's logarithm is not.
        private static double MinusLog2(ulong value)
        {
            value |= 1;
            int zeroes = BitOperations.LeadingZeroCount(value);
            double fraction = ((value << zeroes) >> 11) * (1d / (1ul << 53)); // From 0.5 up to 1.
            // ln x = 2 (t + t^3/3 + t^5/5 + t^7/7 + …) with t = (x - 1) / (x + 1), which is from -1/3 to 0 here.
            double t = (fraction - 1) / (fraction + 1);
            double square = t * t;
            double log = t * (2 + (square * ((2d / 3) + (square * ((2d / 5) + (square * ((2d / 7) + (square * (2d / 9)))))))));
            return zeroes - (log * 1.4426950408889634);
        }
    }
}
