using System.CommandLine;
using LowLatency.Client;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency declare</c>: makes queues, exchanges, bindings and virtual hosts.</summary>
internal static class DeclareCommand
{
    private const long Most = long.MaxValue;
    private const long MostMs = 10L * 365 * 24 * 60 * 60 * 1000;

    private const string Lesson =
        """
        Examples:
          lowlatency declare exchange ticks --kind topic
          lowlatency declare queue acme --max-length 100000 --overflow drop-head
          lowlatency declare binding ticks acme --key '*.ACME.#'
          lowlatency declare queue orders --dead-letter-exchange '' --dead-letter-key orders.dead --delivery-limit 5

        What is there already with the same properties is left alone; with others the broker refuses and names the first difference.
        """;

    internal static Command Create(TeachingHelp help)
    {
        var command = new Command("declare", "Makes a queue, an exchange, a binding or a virtual host.") { Queue(help), Exchange(help), Binding(help), VirtualHost(help) };
        help.Teach(command, Lesson);
        return command;
    }

    private static Command Queue(TeachingHelp help)
    {
        Argument<string> name = Parsers.Name("queue", "Name of the queue; empty ('') lets the broker name it.", mayBeEmpty: true);
        Setting<string> connect = Parsers.Connect();
        Option<string?> host = ModelOptions.VirtualHost();
        Option<bool> transient = ModelOptions.Flag("--transient", "Gone with the broker.");
        Option<bool> autoDelete = ModelOptions.Flag("--auto-delete", "Gone with its last subscription.");
        Option<long?> maxLength = ModelOptions.Number("--max-length", "Most messages that it holds.", 0, Most);
        Option<long?> maxBytes = ModelOptions.Number("--max-bytes", "Most bytes that it holds.", 0, Most, "bytes");
        Setting<Overflow?> overflow = Parsers.Word<Overflow?>(
            "--overflow", "What becomes of a message without room. [default: reject-publish]", null,
            ("reject-publish", Overflow.RejectPublish), ("drop-head", Overflow.DropHead), ("dead-letter", Overflow.DeadLetter),
            ("reject-publish-dlx", Overflow.RejectPublishDeadLetter), ("block", Overflow.Block));
        Option<long?> ttl = ModelOptions.Number("--message-ttl", "Messages expire after this time.", 0, MostMs, "ms");
        Option<long?> expires = ModelOptions.Number("--expires", "The queue is deleted when it was unused for so long.", 1, MostMs, "ms");
        Option<string?> deadExchange = ModelOptions.Text("--dead-letter-exchange", "Takes what is rejected, expires or is dropped; '' is the default exchange.");
        Option<string?> deadKey = ModelOptions.Text("--dead-letter-key", "With this routing key instead of the message's own.", "key");
        Option<long?> priority = ModelOptions.Number("--max-priority", "Messages have priorities from 0 to this.", 0, 255);
        Option<bool> single = ModelOptions.Flag("--single-active-consumer", "One subscription at a time is given messages.");
        Option<long?> limit = ModelOptions.Number("--delivery-limit", "A message that comes back more often is dead-lettered.", 0, ushort.MaxValue - 1);
        Option<long?> delay = ModelOptions.Number("--redelivery-delay", "What comes back waits so long, doubled with each time.", 0, MostMs, "ms");
        Option<long?> delayMax = ModelOptions.Number("--redelivery-delay-max", "Longest such wait.", 0, MostMs, "ms");
        Option<string?> lastValue = ModelOptions.Text("--last-value-key", "Keeps the newest message per value of this header; '' is the routing key.", "header");
        Option<KeyValuePair<string, string>[]> arguments = ModelOptions.Pairs("--argument", "Any other argument. Can be repeated.");
        var command = new Command("queue", "Makes a queue.")
        {
            name, connect, host, transient, autoDelete, maxLength, maxBytes, overflow, ttl, expires, deadExchange, deadKey, priority, single, limit, delay,
            delayMax, lastValue, arguments,
        };
        command.SetAction(parsed => DefinitionRun.Run(connect.Read(parsed), parsed.GetValue(host), connection =>
        {
            QueueInfo info = connection.DeclareQueue(parsed.GetRequiredValue(name), new QueueOptions
            {
                Durable = !parsed.GetValue(transient),
                AutoDelete = parsed.GetValue(autoDelete),
                MaxLength = parsed.GetValue(maxLength),
                MaxBytes = parsed.GetValue(maxBytes),
                Overflow = overflow.Read(parsed),
                MessageTtl = Ms(parsed.GetValue(ttl)),
                Expires = Ms(parsed.GetValue(expires)),
                DeadLetterExchange = parsed.GetValue(deadExchange),
                DeadLetterRoutingKey = parsed.GetValue(deadKey),
                MaxPriority = (int?)parsed.GetValue(priority),
                SingleActiveConsumer = parsed.GetValue(single),
                DeliveryLimit = (int?)parsed.GetValue(limit),
                RedeliveryDelay = Ms(parsed.GetValue(delay)),
                RedeliveryDelayMax = Ms(parsed.GetValue(delayMax)),
                LastValueKey = parsed.GetValue(lastValue),
                Arguments = ModelOptions.ToTable(parsed.GetValue(arguments), new FieldTable()),
            });
            return $"Queue '{info.Name}': {Quantity.Count(info.Ready, "message")} ready, {Quantity.Count(info.Consumers, "consumer")}.";
        }));
        help.Teach(command, Lesson);
        return command;
    }

    private static Command Exchange(TeachingHelp help)
    {
        Argument<string> name = Parsers.Name("exchange", "Name of the exchange.");
        Setting<string> connect = Parsers.Connect();
        Option<string?> host = ModelOptions.VirtualHost();
        Setting<ExchangeType> kind = Parsers.ExchangeKind("--kind");
        Option<bool> transient = ModelOptions.Flag("--transient", "Gone with the broker.");
        Option<bool> autoDelete = ModelOptions.Flag("--auto-delete", "Gone with the last binding from it.");
        Option<bool> isInternal = ModelOptions.Flag("--internal", "Only for bindings from other exchanges.");
        Option<string?> alternate = ModelOptions.Text("--alternate-exchange", "Takes messages for which this one finds no destination.");
        Option<string?> hashHeader = ModelOptions.Text("--hash-header", "Of consistent-hash: the header that is hashed.", "header");
        Option<string?> hashProperty = ModelOptions.Text("--hash-property", "Of consistent-hash: message_id, correlation_id or timestamp.", "property");
        Option<KeyValuePair<string, string>[]> arguments = ModelOptions.Pairs("--argument", "Any other argument. Can be repeated.");
        var command = new Command("exchange", "Makes an exchange.")
        {
            name, connect, host, kind, transient, autoDelete, isInternal, alternate, hashHeader, hashProperty, arguments,
        };
        command.SetAction(parsed => DefinitionRun.Run(connect.Read(parsed), parsed.GetValue(host), connection =>
        {
            string exchange = parsed.GetRequiredValue(name);
            connection.DeclareExchange(exchange, new ExchangeOptions
            {
                Type = kind.Read(parsed),
                Durable = !parsed.GetValue(transient),
                AutoDelete = parsed.GetValue(autoDelete),
                Internal = parsed.GetValue(isInternal),
                AlternateExchange = parsed.GetValue(alternate),
                HashHeader = parsed.GetValue(hashHeader),
                HashProperty = parsed.GetValue(hashProperty),
                Arguments = ModelOptions.ToTable(parsed.GetValue(arguments), new FieldTable()),
            });
            return $"Exchange '{exchange}' is there.";
        }));
        help.Teach(command, Lesson);
        return command;
    }

    private static Command Binding(TeachingHelp help)
    {
        BindingArgumentsOf options = new();
        Setting<string> connect = Parsers.Connect();
        Option<string?> host = ModelOptions.VirtualHost();
        var command = new Command("binding", "Binds a queue, or an exchange, to an exchange.") { connect, host };
        options.AddTo(command);
        command.SetAction(parsed => DefinitionRun.Run(connect.Read(parsed), parsed.GetValue(host), connection =>
        {
            options.Read(parsed, out string source, out string destination, out string key, out bool toExchange, out FieldTable arguments);
            if (toExchange)
                connection.BindExchange(source, destination, key, arguments);
            else
                connection.Bind(source, destination, key, arguments);
            return $"'{destination}' is bound to '{source}' with key '{key}'.";
        }));
        help.Teach(command, Lesson);
        return command;
    }

    private static Command VirtualHost(TeachingHelp help)
    {
        Argument<string> name = Parsers.Name("name", "Name of the virtual host.");
        Setting<string> connect = Parsers.Connect();
        Option<long?> queues = ModelOptions.Number("--max-queues", "Most queues.", 0, Most);
        Option<long?> exchanges = ModelOptions.Number("--max-exchanges", "Most exchanges.", 0, Most);
        Option<long?> bindings = ModelOptions.Number("--max-bindings", "Most bindings.", 0, Most);
        Option<long?> connections = ModelOptions.Number("--max-connections", "Most connections at a time.", 0, Most);
        var command = new Command("virtual-host", "Makes a virtual host.") { name, connect, queues, exchanges, bindings, connections };
        command.SetAction(parsed => DefinitionRun.Run(connect.Read(parsed), null, connection =>
        {
            string host = parsed.GetRequiredValue(name);
            connection.DeclareVirtualHost(host, new VirtualHostOptions
            {
                MaxQueues = parsed.GetValue(queues), MaxExchanges = parsed.GetValue(exchanges), MaxBindings = parsed.GetValue(bindings),
                MaxConnections = parsed.GetValue(connections),
            });
            return $"Virtual host '{host}' is there.";
        }));
        help.Teach(command, Lesson);
        return command;
    }

    private static TimeSpan? Ms(long? milliseconds) => milliseconds == null ? null : TimeSpan.FromMilliseconds(milliseconds.Value);
}
