namespace LowLatency.Core.Routing;

/// <summary>Routes to all that is bound (AMQP 0-9-1, 3.1.3.2).</summary>
internal sealed class FanoutExchange(uint id, VirtualHost host, byte[] name, ExchangeOptions options) : Exchange(id, host, name, options)
{
    internal override void Match(Router router, scoped in RoutedMessage message)
    {
        for (Binding? binding = Bindings.First; binding != null; binding = binding.InSource.Next)
            router.Reach(binding);
    }

    private protected override void OnAdded(Binding binding)
    {
    }

    private protected override void OnRemoved(Binding binding)
    {
    }
}
