using System.CommandLine;
using LowLatency.Client;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary>The four things that name a binding, on the command line.</summary>
internal sealed class BindingArgumentsOf
{
    private readonly Argument<string> _source = Parsers.Name("source", "Exchange that messages come from.");
    private readonly Argument<string> _destination = Parsers.Name("destination", "Queue that they go to.");
    private readonly Option<string?> _key = ModelOptions.Text("--key", "Routing key or pattern; of consistent-hash the weight. [default: empty]", "key");
    private readonly Option<bool> _toExchange = ModelOptions.Flag("--to-exchange", "The destination is an exchange.");
    private readonly Option<KeyValuePair<string, string>[]> _match =
        ModelOptions.Pairs("--header", "Of a headers exchange: what a message must have. Can be repeated; x-match=any asks for one of them.");

    internal void AddTo(Command command)
    {
        command.Arguments.Add(_source);
        command.Arguments.Add(_destination);
        command.Options.Add(_key);
        command.Options.Add(_toExchange);
        command.Options.Add(_match);
    }

    internal void Read(ParseResult parsed, out string source, out string destination, out string key, out bool toExchange, out FieldTable arguments)
    {
        source = parsed.GetRequiredValue(_source);
        destination = parsed.GetRequiredValue(_destination);
        key = parsed.GetValue(_key) ?? "";
        toExchange = parsed.GetValue(_toExchange);
        arguments = ModelOptions.ToTable(parsed.GetValue(_match), new FieldTable());
    }
}
