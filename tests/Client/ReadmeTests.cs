using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;
using Transaction = LowLatency.Client.Transaction;

namespace LowLatency.Tests.Client;

/// <summary>The section of the README about the model: the text is this code, which compiles.</summary>
public sealed class ReadmeTests
{
    private const string Begin = "        // README\n";
    private const string End = "        // End\n";

    [Fact]
    public void ShouldShowCodeThatCompiles()
    {
        string source = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "ReadmeTests.cs.txt"));
        int from = source.LastIndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        string[] lines = source[from..source.LastIndexOf(End, StringComparison.Ordinal)].Split('\n');
        string code = string.Join('\n', lines.Select(line => line.StartsWith("        ", StringComparison.Ordinal) ? line[8..] : line));

        Assert.Contains("```csharp\n" + code + "```\n", File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "README.md")), StringComparison.Ordinal);
    }

    internal static async Task Show(Connection connection)
    {
        // README
        // A topic exchange, a queue of one symbol, and a place for what expires or is rejected.
        await connection.DeclareExchangeAsync("ticks", new ExchangeOptions { Type = ExchangeType.Topic });
        await connection.DeclareQueueAsync("dead");
        await connection.DeclareQueueAsync("acme", new QueueOptions
        {
            MaxLength = 100_000, Overflow = Overflow.DropHead, MessageTtl = TimeSpan.FromMinutes(5),
            DeadLetterExchange = "", DeadLetterRoutingKey = "dead", DeliveryLimit = 5,
        });
        await connection.BindAsync("ticks", "acme", "*.ACME.#");
        Publication ticks = await connection.OpenPublicationAsync(new PublicationOptions { Exchange = "ticks", Durability = DurabilityLevel.Process });
        await ticks.PublishAsync("42.17"u8.ToArray(), new MessageProperties { Priority = 5 }, "eu.ACME.bid");

        // The newest tick of each symbol, as fast as it is dealt with; the queue keeps them all.
        Subscription newest = await connection.SubscribeAsync("acme", static (Subscription _, in Delivery tick) =>
            Console.WriteLine($"{tick.QueueSequence}: {tick.Elided} older ones left out"), new SubscriptionOptions { Conflate = true });

        // Take a message, publish what follows from it, both or neither.
        Subscription pull = await connection.SubscribeAsync("acme", new SubscriptionOptions { Credit = 0 });
        Transaction transaction = connection.BeginTransaction();
        foreach (Message message in await pull.GetAsync(max: 10, wait: TimeSpan.FromSeconds(1)))
        {
            transaction.Publish(ticks, message.Body.Span, routingKey: "eu.DERIVED.bid"u8);
            transaction.Ack(message);
        }
        await transaction.CommitAsync();

        // Ask, and wait for the answer; whoever serves "prices" answers with ReplyAsync.
        await using Requester prices = await connection.OpenRequesterAsync(new RequesterOptions { RoutingKey = "prices" });
        Message answer = await prices.RequestAsync("ACME"u8.ToArray());
        // End
        _ = (newest, answer);
    }
}
