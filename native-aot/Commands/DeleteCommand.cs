using System.CommandLine;
using LowLatency.Client;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency delete</c> and <c>lowlatency purge</c>: takes away what <c>declare</c> made, and messages.</summary>
internal static class DeleteCommand
{
    private const string Lesson =
        """
        Examples:
          lowlatency delete queue acme --if-empty
          lowlatency delete binding ticks acme --key '*.ACME.#'
          lowlatency purge orders

        A binding is named by all that it was declared with. Messages of a deleted or purged queue are gone.
        """;

    internal static Command Create(TeachingHelp help)
    {
        var command = new Command("delete", "Deletes a queue, an exchange, a binding or a virtual host.") { Queue(help), Exchange(help), Binding(help), VirtualHost(help) };
        help.Teach(command, Lesson);
        return command;
    }

    internal static Command CreatePurge(TeachingHelp help)
    {
        Argument<string> queue = Parsers.Queue();
        Setting<string> connect = Parsers.Connect();
        Option<string?> host = ModelOptions.VirtualHost();
        var command = new Command("purge", "Removes the messages of a queue that are not with a consumer.") { queue, connect, host };
        command.SetAction(parsed => DefinitionRun.Run(
            connect.Read(parsed), parsed.GetValue(host), connection => $"{Quantity.Count(connection.PurgeQueue(parsed.GetRequiredValue(queue)), "message")} removed."));
        help.Teach(command, Lesson);
        return command;
    }

    private static Command Queue(TeachingHelp help)
    {
        Argument<string> queue = Parsers.Queue();
        Setting<string> connect = Parsers.Connect();
        Option<string?> host = ModelOptions.VirtualHost();
        Option<bool> ifUnused = ModelOptions.Flag("--if-unused", "Only where nobody subscribes to it.");
        Option<bool> ifEmpty = ModelOptions.Flag("--if-empty", "Only where it holds no message.");
        var command = new Command("queue", "Deletes a queue with its messages.") { queue, connect, host, ifUnused, ifEmpty };
        command.SetAction(parsed => DefinitionRun.Run(connect.Read(parsed), parsed.GetValue(host), connection =>
        {
            long ready = connection.DeleteQueue(parsed.GetRequiredValue(queue), parsed.GetValue(ifUnused), parsed.GetValue(ifEmpty));
            return $"Deleted, and {Quantity.Count(ready, "message")} with it.";
        }));
        help.Teach(command, Lesson);
        return command;
    }

    private static Command Exchange(TeachingHelp help)
    {
        Argument<string> name = Parsers.Name("exchange", "Name of the exchange.");
        Setting<string> connect = Parsers.Connect();
        Option<string?> host = ModelOptions.VirtualHost();
        Option<bool> ifUnused = ModelOptions.Flag("--if-unused", "Only where nothing is bound to it.");
        var command = new Command("exchange", "Deletes an exchange with its bindings.") { name, connect, host, ifUnused };
        command.SetAction(parsed => DefinitionRun.Run(connect.Read(parsed), parsed.GetValue(host), connection =>
        {
            connection.DeleteExchange(parsed.GetRequiredValue(name), parsed.GetValue(ifUnused));
            return "Deleted.";
        }));
        help.Teach(command, Lesson);
        return command;
    }

    private static Command Binding(TeachingHelp help)
    {
        BindingArgumentsOf options = new();
        Setting<string> connect = Parsers.Connect();
        Option<string?> host = ModelOptions.VirtualHost();
        var command = new Command("binding", "Takes a binding away.") { connect, host };
        options.AddTo(command);
        command.SetAction(parsed => DefinitionRun.Run(connect.Read(parsed), parsed.GetValue(host), connection =>
        {
            options.Read(parsed, out string source, out string destination, out string key, out bool toExchange, out FieldTable arguments);
            if (toExchange)
                connection.UnbindExchange(source, destination, key, arguments);
            else
                connection.Unbind(source, destination, key, arguments);
            return "Deleted.";
        }));
        help.Teach(command, Lesson);
        return command;
    }

    private static Command VirtualHost(TeachingHelp help)
    {
        Argument<string> name = Parsers.Name("name", "Name of the virtual host.");
        Setting<string> connect = Parsers.Connect();
        var command = new Command("virtual-host", "Deletes a virtual host with all that is in it; its connections end.") { name, connect };
        command.SetAction(parsed => DefinitionRun.Run(connect.Read(parsed), null, connection =>
        {
            connection.DeleteVirtualHost(parsed.GetRequiredValue(name));
            return "Deleted.";
        }));
        help.Teach(command, Lesson);
        return command;
    }
}
