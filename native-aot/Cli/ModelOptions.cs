using System.CommandLine;
using System.CommandLine.Parsing;

namespace LowLatency.Server.Cli;

/// <summary>Options that say what a queue, an exchange or a message is to be like, shared by commands.</summary>
internal static class ModelOptions
{
    internal static Option<string?> VirtualHost() => new("--virtual-host", "-v")
    {
        Description = "Virtual host to connect to. [default: /, or the one at the end of --connect]",
        HelpName = "name",
    };

    internal static Option<bool> Compress() => Flag(
        "--compress", "Ask the broker for compression in both directions, for a network that is slow; '?compress' at the end of --connect does the same.");

    internal static Option<string?> Text(string name, string description, string helpName = "name") => new(name) { Description = description, HelpName = helpName };

    internal static Option<bool> Flag(string name, string description) => new(name) { Description = description };

    /// <summary>A whole number that may be left out: <c>null</c> then.</summary>
    internal static Option<long?> Number(string name, string description, long minimum, long maximum, string helpName = "number") => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result =>
        {
            string text = result.Tokens.Count == 0 ? "" : result.Tokens[^1].Value;
            if (!long.TryParse(text, System.Globalization.NumberStyles.AllowLeadingSign | System.Globalization.NumberStyles.AllowThousands, System.Globalization.CultureInfo.InvariantCulture, out long number))
                return Parsers.Fail<long?>(result, $"{name} is '{text}': write a whole number.");
            return number >= minimum && number <= maximum
                ? number
                : Parsers.Fail<long?>(result, $"{name} is {text}: set it from {Quantity.Count(minimum)} to {Quantity.Count(maximum)}.");
        },
    };

    /// <summary>Names with values, <c>name=value</c>, as often as wanted.</summary>
    internal static Option<KeyValuePair<string, string>[]> Pairs(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "name=value",
        Arity = ArgumentArity.ZeroOrMore,
        AllowMultipleArgumentsPerToken = false,
        CustomParser = result => ParsePairs(result, name),
    };

    private static KeyValuePair<string, string>[] ParsePairs(ArgumentResult result, string name)
    {
        var pairs = new KeyValuePair<string, string>[result.Tokens.Count];
        for (int i = 0; i < pairs.Length; i++)
        {
            string text = result.Tokens[i].Value;
            int equals = text.IndexOf('=');
            if (equals < 1)
                return Parsers.Fail<KeyValuePair<string, string>[]>(result, $"{name} is '{text}': write name=value.");
            pairs[i] = new KeyValuePair<string, string>(text[..equals], text[(equals + 1)..]);
        }
        return pairs;
    }

    /// <summary>Adds pairs to a table: what reads as an integer is one, as are true and false; the rest is text.</summary>
    internal static Client.FieldTable ToTable(IEnumerable<KeyValuePair<string, string>>? pairs, Client.FieldTable table)
    {
        foreach ((string name, string value) in pairs ?? [])
        {
            if (long.TryParse(value, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out long number))
                table.Add(name, number);
            else if (value is "true" or "false")
                table.Add(name, value == "true");
            else
                table.Add(name, value);
        }
        return table;
    }
}
