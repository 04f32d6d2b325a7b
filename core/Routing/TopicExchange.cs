namespace LowLatency.Core.Routing;

/// <summary>Routes by patterns of words (AMQP 0-9-1, 3.1.3.3).</summary>
internal sealed class TopicExchange(uint id, VirtualHost host, byte[] name, ExchangeOptions options) : Exchange(id, host, name, options)
{
    private readonly TopicTrie _trie = new();

    internal override void Match(Router router, scoped in RoutedMessage message) => _trie.Match(message.Key, router);

    private protected override void OnAdded(Binding binding) => _trie.Add(binding);

    private protected override void OnRemoved(Binding binding) => _trie.Remove(binding);
}
