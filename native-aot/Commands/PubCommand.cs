using System.CommandLine;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency pub</c>: lines become messages.</summary>
internal static class PubCommand
{
    private const string Lesson =
        """
        Examples:
          lowlatency pub orders < orders.csv
          lowlatency pub orders --file orders.csv --durability process
          tail -f fills.log | lowlatency pub fills --connect tcp://10.0.0.7:7400
          lowlatency pub eu.ACME.trade --exchange ticks --exchange-kind topic --header region=EU < ticks.csv
          lowlatency pub orders --priority 9 --expiration 30000 < urgent.csv

        Every line is one message: the bytes between newlines, whatever they are; an empty line is an empty message.
        'lowlatency sub' gives the same bytes back. When the broker dies and comes back, pub connects again and sends
        what was not confirmed once more; the broker recognises what it already has. Exit code 0 means: all confirmed.
        """;

    internal static Command Create(TeachingHelp help)
    {
        Argument<string> queue = Parsers.Name("queue", "Name of the queue, 1 to 255 bytes of UTF-8; with --exchange the routing key.");
        Setting<string> connect = Parsers.Connect();
        Setting<DurabilityLevel> durability = Parsers.Durability();
        var file = new Option<string?>("--file", "-f") { Description = "Read lines from this file instead of standard input.", HelpName = "path" };
        Setting<long> window = Parsers.Number("--window", "Most messages under way without a confirm.", 16_384, 1, 65_536);
        Setting<long> windowBytes = Parsers.Bytes("--window-bytes", "Most bytes under way without a confirm.", 16 << 20, 4096, 1 << 30);
        var publisher = new Option<string?>("--publisher")
        {
            Description = "Name under which the broker recognises resends. One of its own for each run unless given; the same name continues its sequence.",
            HelpName = "name",
        };
        var declare = new Option<bool>("--declare") { Description = "Declare the durable queue when it is missing. [default]" };
        var noDeclare = new Option<bool>("--no-declare") { Description = "Fail when the queue is missing." };
        Option<long> maxLength = Parsers.OptionalNumber("--max-length", "Declare the queue with this bound; messages beyond it are rejected.", 1, long.MaxValue);
        Option<string?> host = ModelOptions.VirtualHost();
        Option<string?> exchange = ModelOptions.Text("--exchange", "Publish to this exchange, with the first argument as routing key. No queue is declared then.");
        Setting<ExchangeType?> kind = Parsers.Word<ExchangeType?>(
            "--exchange-kind", "Declare the durable exchange, of this kind, when it is missing.", null,
            ("direct", ExchangeType.Direct), ("fanout", ExchangeType.Fanout), ("topic", ExchangeType.Topic), ("headers", ExchangeType.Headers),
            ("consistent-hash", ExchangeType.ConsistentHash));
        Option<bool> mandatory = ModelOptions.Flag("--mandatory", "With --exchange: a message that reaches no queue is rejected. Without it such a message is confirmed as kept nowhere.");
        Option<long?> priority = ModelOptions.Number("--priority", "Priority of the messages.", 0, 255);
        Option<long?> expiration = ModelOptions.Number("--expiration", "The messages expire after this time.", 0, 315_360_000_000, "ms");
        Option<long?> delay = ModelOptions.Number("--delay", "The messages are held back for this time.", 0, 315_360_000_000, "ms");
        Option<KeyValuePair<string, string>[]> headers = ModelOptions.Pairs("--header", "Entry of the messages' header table; whole numbers, true and false are such. Can be repeated.");
        Option<bool> compress = ModelOptions.Compress();
        Setting<long> reconnect = Parsers.Number("--reconnect-timeout", "Seconds to try to reconnect before giving up.", 60, 0, 1_000_000, "seconds");
        var command = new Command("pub", "Publishes each line of standard input, or of a file, as one message.")
        {
            queue, connect, durability, file, window, windowBytes, publisher, declare, noDeclare, maxLength, compress, reconnect,
            host, exchange, kind, mandatory, priority, expiration, delay, headers,
        };
        command.SetAction(parsed => new PubRun(new PubOptions
        {
            Queue = parsed.GetRequiredValue(queue),
            Address = connect.Read(parsed),
            Durability = durability.Read(parsed),
            File = parsed.GetValue(file),
            Window = (int)window.Read(parsed),
            WindowBytes = (int)windowBytes.Read(parsed),
            Publisher = parsed.GetValue(publisher),
            Declare = !parsed.GetValue(noDeclare),
            Compress = parsed.GetValue(compress),
            MaxLength = parsed.GetValue(maxLength),
            VirtualHost = parsed.GetValue(host),
            Exchange = parsed.GetValue(exchange),
            ExchangeKind = kind.Read(parsed),
            Mandatory = parsed.GetValue(exchange) == null || parsed.GetValue(mandatory),
            Properties = Properties(parsed.GetValue(priority), parsed.GetValue(expiration), parsed.GetValue(delay), parsed.GetValue(headers)),
            ReconnectTimeout = TimeSpan.FromSeconds(reconnect.Read(parsed)),
        }).Run());
        command.Validators.Add(result =>
        {
            if (result.GetValue(declare) && result.GetValue(noDeclare))
                result.AddError("--declare and --no-declare exclude each other: keep one.");
            if (result.GetValue(exchange) == null && (result.GetResult(kind) != null || result.GetValue(mandatory)))
                result.AddError("--exchange-kind and --mandatory are about an exchange: name it with --exchange.");
            if (result.GetValue(exchange) != null && result.GetResult(maxLength) != null)
                result.AddError("--max-length is a property of a queue to declare: drop --exchange, or declare the queue with 'lowlatency declare queue'.");
            if (result.GetValue(noDeclare) && result.GetResult(maxLength) != null)
                result.AddError("--max-length is a property of a queue to declare: drop --no-declare.");
        });
        help.Teach(command, Lesson);
        return command;
    }

    private static MessageProperties Properties(long? priority, long? expirationMs, long? delayMs, KeyValuePair<string, string>[]? headers)
    {
        var properties = new MessageProperties
        {
            Priority = (byte?)priority,
            Expiration = expirationMs is { } expiration ? TimeSpan.FromMilliseconds(expiration) : null,
            Delay = delayMs is { } delay ? TimeSpan.FromMilliseconds(delay) : null,
        };
        ModelOptions.ToTable(headers, properties.Table);
        return properties;
    }
}
