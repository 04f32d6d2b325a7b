using System.Diagnostics.CodeAnalysis;

namespace LowLatency.Core.Engine;

/// <summary>Things of a session by handle. Handles start at 1; one that is removed serves again.</summary>
internal sealed class HandleTable<T>
    where T : class
{
    private T?[] _items = [];

    internal int Count { get; private set; }

    internal ReadOnlySpan<T?> Items => _items;

    internal bool TryGet(uint handle, [NotNullWhen(true)] out T? item)
    {
        T?[] items = _items;
        uint index = handle - 1;
        item = index < (uint)items.Length ? items[index] : null;
        return item != null;
    }

    /// <summary>The handle that <see cref="Set"/> will fill.</summary>
    internal uint NextHandle()
    {
        int index = Array.IndexOf(_items, null);
        if (index < 0)
        {
            index = _items.Length;
            Array.Resize(ref _items, Math.Max(4, index * 2));
        }
        return (uint)index + 1;
    }

    internal void Set(uint handle, T item)
    {
        _items[handle - 1] = item;
        Count++;
    }

    internal void Remove(uint handle)
    {
        _items[handle - 1] = null;
        Count--;
    }
}
