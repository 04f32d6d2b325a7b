namespace LowLatency.Core.Routing;

/// <summary>Routes by the header table (AMQP 0-9-1, 3.1.3.4).</summary>
internal sealed class HeadersExchange(uint id, VirtualHost host, byte[] name, ExchangeOptions options) : Exchange(id, host, name, options)
{
    internal override bool DependsOnHeaders => true;

    internal override string? BindingProblem(ReadOnlySpan<byte> key, ReadOnlySpan<byte> arguments) => HeaderMatcher.Problem(arguments);

    internal override void Match(Router router, scoped in RoutedMessage message)
    {
        ReadOnlySpan<byte> entries = router.ReadHeaderTable(message.Headers, out HeaderIndex index);
        for (Binding? binding = Bindings.First; binding != null; binding = binding.InSource.Next)
        {
            if (binding.Matcher!.IsMatch(index, entries))
                router.Reach(binding);
        }
    }

    private protected override void OnAdded(Binding binding) => binding.Matcher = new HeaderMatcher(binding.Arguments);

    private protected override void OnRemoved(Binding binding)
    {
    }
}
