namespace LowLatency.Core.Routing;

/// <summary>Bindings of one exchange or queue in the order they were made; adding and removing cost the same however many there are.</summary>
/// <param name="ofDestination">Those that lead to it, else those that lead from it.</param>
internal sealed class BindingChain(bool ofDestination)
{
    private Binding? _last;

    internal Binding? First { get; private set; }

    internal int Count { get; private set; }

    /// <summary>The one behind; read before the binding is removed.</summary>
    internal Binding? Next(Binding binding) => LinksOf(binding).Next;

    internal void Add(Binding binding)
    {
        ref Binding.Links links = ref LinksOf(binding);
        links.Previous = _last;
        links.Next = null;
        if (_last == null)
            First = binding;
        else
            LinksOf(_last).Next = binding;
        _last = binding;
        Count++;
    }

    internal void Remove(Binding binding)
    {
        ref Binding.Links links = ref LinksOf(binding);
        if (links.Previous == null)
            First = links.Next;
        else
            LinksOf(links.Previous).Next = links.Next;
        if (links.Next == null)
            _last = links.Previous;
        else
            LinksOf(links.Next).Previous = links.Previous;
        links = default;
        Count--;
    }

    private ref Binding.Links LinksOf(Binding binding) => ref ofDestination ? ref binding.InDestination : ref binding.InSource;
}
