using LowLatency.Core.Queues;

namespace LowLatency.Core.Routing;

/// <summary>The auto-delete exchanges that lose their last binding when something is removed, and those that lose theirs with them. Rule E5.</summary>
/// <remarks>Made before anything is removed, so that all of it can be one change. Engine thread only; reused.</remarks>
internal sealed class RemovalPlan
{
    private readonly List<Exchange> _exchanges = [];
    private readonly List<Exchange> _touched = [];

    /// <summary>Exchanges that go along, in the order in which they go.</summary>
    internal List<Exchange> Exchanges => _exchanges;

    internal void ForQueue(BrokerQueue queue)
    {
        Begin();
        Lose(queue.Bindings);
        Follow(0);
    }

    /// <summary>The exchange itself is not among <see cref="Exchanges"/>.</summary>
    internal void ForExchange(Exchange exchange)
    {
        Begin();
        _exchanges.Add(exchange);
        Follow(0);
        _exchanges.RemoveAt(0);
    }

    internal void ForBinding(Binding binding)
    {
        Begin();
        Lose(binding);
        Follow(0);
    }

    private void Begin() => _exchanges.Clear();

    private void Follow(int from)
    {
        for (int i = from; i < _exchanges.Count; i++)
            Lose(_exchanges[i].BindingsTo);
        foreach (Exchange exchange in _touched)
            exchange.LosesBindings = 0;
        _touched.Clear();
    }

    private void Lose(BindingChain bindings)
    {
        for (Binding? binding = bindings.First; binding != null; binding = bindings.Next(binding))
            Lose(binding);
    }

    private void Lose(Binding binding)
    {
        Exchange source = binding.Source;
        if (!source.Options.AutoDelete)
            return;
        if (source.LosesBindings++ == 0)
            _touched.Add(source);
        if (source.LosesBindings == source.Bindings.Count && !_exchanges.Contains(source))
            _exchanges.Add(source);
    }
}
