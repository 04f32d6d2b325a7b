using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;
using Xunit;

namespace LowLatency.Tests.Routing;

/// <summary>Found by the simulator: a pattern was lost when the tree grew while it was added.</summary>
public sealed class TopicTrieGrowthTests
{
    [Theory]
    [InlineData("*")]
    [InlineData("#")]
    [InlineData("word")]
    public void ShouldFindAndRemovePatternsThatWereAddedWhileTheTreeGrew(string word)
    {
        using var pool = new EntryPool();
        var topology = new Topology();
        var exchange = Exchange.Create(100, topology.Default, "x"u8.ToArray(), new ExchangeOptions { Kind = ExchangeKind.Topic });
        topology.Add(exchange);
        var queue = new BrokerQueue(1, topology.Default, "q"u8.ToArray(), new QueueOptions(), pool);
        topology.Add(queue);
        for (int i = 0; i < 50; i++)
            topology.Add(new Binding(exchange, queue, null, Encoding.UTF8.GetBytes($"w{i}.{word}.end"), []));
        var router = new Router();
        var set = new RouteSet();
        for (int i = 0; i < 50; i++)
        {
            router.Route(topology.Default, exchange, Encoding.UTF8.GetBytes($"w{i}.word.end"), [], set);
            Assert.Equal(1, set.Count);
        }
        topology.Remove(queue);
        Assert.Equal(0, exchange.Bindings.Count);
    }
}
