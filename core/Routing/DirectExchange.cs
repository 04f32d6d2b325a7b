namespace LowLatency.Core.Routing;

/// <summary>Routes to what is bound with exactly the message's routing key (AMQP 0-9-1, 3.1.3.1).</summary>
internal sealed class DirectExchange : Exchange
{
    private readonly Dictionary<byte[], BindingSet> _byKey = new(Utf8NameComparer.Instance);
    private readonly Dictionary<byte[], BindingSet>.AlternateLookup<ReadOnlySpan<byte>> _bySpan;

    internal DirectExchange(uint id, VirtualHost host, byte[] name, ExchangeOptions options)
        : base(id, host, name, options) =>
        _bySpan = _byKey.GetAlternateLookup<ReadOnlySpan<byte>>();

    internal override void Match(Router router, scoped in RoutedMessage message)
    {
        if (_bySpan.TryGetValue(message.Key, out BindingSet? bindings))
            router.Reach(bindings.Items);
    }

    private protected override void OnAdded(Binding binding)
    {
        if (!_byKey.TryGetValue(binding.Key, out BindingSet? bindings))
            _byKey[binding.Key] = bindings = new BindingSet();
        bindings.Add(binding);
    }

    private protected override void OnRemoved(Binding binding)
    {
        BindingSet bindings = _byKey[binding.Key];
        bindings.Remove(binding);
        if (bindings.Count == 0)
            _byKey.Remove(binding.Key);
    }
}
