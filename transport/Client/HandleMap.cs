using System.Runtime.CompilerServices;

namespace LowLatency.Client;

/// <summary>From the broker's handles to this connection's objects. One thread.</summary>
internal sealed class HandleMap<T>
    where T : class
{
    private readonly Dictionary<uint, T> _all = [];
    private uint _lastHandle;
    private T? _last; // Most connections use one at a time.

    internal Dictionary<uint, T>.ValueCollection Values => _all.Values;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal T? Find(uint handle) => _last != null && _lastHandle == handle ? _last : FindOther(handle);

    internal void Set(uint handle, T item)
    {
        _all[handle] = item;
        _last = null;
    }

    internal void Remove(uint handle)
    {
        _all.Remove(handle);
        _last = null;
    }

    internal void Clear()
    {
        _all.Clear();
        _last = null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private T? FindOther(uint handle)
    {
        if (!_all.TryGetValue(handle, out T? found))
            return null;
        _lastHandle = handle;
        return _last = found;
    }
}
