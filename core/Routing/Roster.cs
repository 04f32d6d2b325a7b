namespace LowLatency.Core.Routing;

/// <summary>Things in the order in which they came, and one walk over them that may stop anywhere while others come and go. Engine thread only.</summary>
internal sealed class Roster<T>
    where T : class
{
    private readonly LinkedList<T> _items = new();
    private LinkedListNode<T>? _next;

    /// <summary>Adds at the end. A walk that is not at its end comes to it.</summary>
    /// <returns>For <see cref="Remove"/>.</returns>
    internal LinkedListNode<T> Add(T item) => _items.AddLast(item);

    internal void Remove(LinkedListNode<T> node)
    {
        if (_next == node)
            _next = node.Next;
        _items.Remove(node);
    }

    internal void BeginWalk() => _next = _items.First;

    /// <summary>Where the walk is; null at its end.</summary>
    internal T? Current => _next?.Value;

    internal void MoveOn() => _next = _next!.Next;
}
