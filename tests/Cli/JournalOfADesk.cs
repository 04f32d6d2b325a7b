using System.Security.Cryptography;
using LowLatency.Client;
using LowLatency.Core.Engine;

namespace LowLatency.Tests.Cli;

/// <summary>The journal of a broker that was killed, with messages of every fate in it. What comes of each is in its id.</summary>
public sealed class JournalOfADesk : IDisposable
{
    private readonly ToolBroker _broker = new(["--segment-size", "1MiB"]);

    /// <summary>Publishes, consumes and kills.</summary>
    public JournalOfADesk()
    {
        try
        {
            RunAsync().GetAwaiter().GetResult();
            Before = Hashes();
        }
        catch
        {
            _broker.Dispose(); // Nobody disposes of a fixture that was never there.
            throw;
        }
    }

    internal string Folder => _broker.Folder;

    /// <summary>Of every file, before any command looked at it.</summary>
    internal string Before { get; }

    internal string Hashes()
    {
        IEnumerable<string> files = Directory.EnumerateFiles(Folder).Order(StringComparer.Ordinal);
        return string.Join('\n', files.Select(file => $"{Path.GetFileName(file)} {File.GetLastWriteTimeUtc(file):O} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))}"));
    }

    public void Dispose() => _broker.Dispose();

    private async Task RunAsync()
    {
        await using Connection connection = await Connection.ConnectAsync(_broker.Address);
        await connection.DeclareQueueAsync("dead");
        await connection.DeclareQueueAsync("orders", new QueueOptions { DeadLetterExchange = "", DeadLetterRoutingKey = "dead" });
        await connection.DeclareQueueAsync("copies");
        await connection.DeclareExchangeAsync("ticks", new ExchangeOptions { Type = ExchangeType.Topic });
        await connection.BindAsync("ticks", "orders", "eu.*");
        await connection.BindAsync("ticks", "copies", "#");
        Publication ticks = await connection.OpenPublicationAsync(new PublicationOptions { Exchange = "ticks", Durability = DurabilityLevel.Disk, PublisherName = "desk-1" });
        foreach (string fate in new[] { "acknowledged", "rejected", "requeued", "unacknowledged", "waiting" })
            await ticks.PublishAsync(System.Text.Encoding.UTF8.GetBytes($"{fate} é"), new MessageProperties { MessageId = fate }, "eu.bid");
        await ticks.PublishAsync(new byte[] { 0xFF, 0xFE }, new MessageProperties { MessageId = "scheduled", Delay = TimeSpan.FromHours(1) }, "us.bid");

        Subscription pull = await connection.SubscribeAsync("orders", new SubscriptionOptions { Credit = 0 });
        IReadOnlyList<Message> got = await pull.GetAsync(max: 4, wait: TimeSpan.FromSeconds(30));
        got[0].Ack();
        got[1].Reject();
        got[2].Requeue();
        // Answered after what was settled before it, and told of in the journal before it is answered.
        IReadOnlyList<Message> again = await pull.GetAsync(max: 1, wait: TimeSpan.FromSeconds(30));
        if (!again[0].IsRedelivered)
            throw new InvalidOperationException("What was requeued does not come first.");
        Publication bulk = await connection.OpenPublicationAsync(new PublicationOptions { RoutingKey = "copies", Durability = DurabilityLevel.Process });
        for (int i = 0; i < 8; i++)
            await bulk.PublishAsync(new byte[200_000]);
        _broker.Tool.Kill(); // While the connection holds what it was delivered.
    }
}
