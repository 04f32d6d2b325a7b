namespace LowLatency.Core.Routing;

/// <summary>Bindings that match alike, in the order they were made.</summary>
internal sealed class BindingSet
{
    private Binding[] _items = new Binding[1];

    internal int Count { get; private set; }

    internal ReadOnlySpan<Binding> Items => _items.AsSpan(0, Count);

    internal void Add(Binding binding)
    {
        if (Count == _items.Length)
            Array.Resize(ref _items, Count * 2);
        _items[Count++] = binding;
    }

    internal void Remove(Binding binding)
    {
        int index = Array.IndexOf(_items, binding, 0, Count);
        Count--;
        Array.Copy(_items, index + 1, _items, index, Count - index);
        _items[Count] = null!;
        if (Count <= _items.Length / 4)
            Array.Resize(ref _items, Math.Max(1, _items.Length / 2));
    }
}
