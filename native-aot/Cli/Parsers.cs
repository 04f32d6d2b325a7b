using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using LowLatency.Core.Engine;
using LowLatency.Transport.Sockets;

namespace LowLatency.Server.Cli;

/// <summary>Options whose values are checked while parsing, each with a sentence that names the option, the value and what it may be.</summary>
internal static class Parsers
{
    /// <summary>A size in bytes with an optional unit.</summary>
    internal static Setting<long> Bytes(string name, string description, long defaultValue, long minimum, long maximum, bool isPowerOfTwo = false)
        => new(name, defaultValue)
        {
            Description = $"{description} [default: {Quantity.Bytes(defaultValue)}]",
            HelpName = "size",
            CustomParser = result =>
            {
                long bytes = ParseBytes(result, name, minimum, maximum);
                return isPowerOfTwo && (bytes & (bytes - 1)) != 0
                    ? Fail<long>(result, $"{name} is {Token(result)}: set it to a power of two, such as {Quantity.Bytes(defaultValue)}.")
                    : bytes;
            },
        };

    /// <summary>A size that may be left out: null then.</summary>
    internal static Option<long?> OptionalBytes(string name, string description, long minimum, long maximum)
        => new(name)
        {
            Description = description,
            HelpName = "size",
            CustomParser = result => ParseBytes(result, name, minimum, maximum),
        };

    private static long ParseBytes(ArgumentResult result, string name, long minimum, long maximum)
    {
        string text = Token(result);
        if (!Quantity.TryParseBytes(text, out long bytes))
            return Fail<long>(result, $"{name} is '{text}': write a number of bytes, or one with KiB, MiB or GiB, such as 64MiB.");
        return bytes < minimum || bytes > maximum
            ? Fail<long>(result, $"{name} is {text}: set it from {Quantity.Bytes(minimum)} to {Quantity.Bytes(maximum)}.")
            : bytes;
    }

    /// <summary>A whole number.</summary>
    internal static Setting<long> Number(string name, string description, long defaultValue, long minimum, long maximum, string helpName = "number")
        => new(name, defaultValue)
        {
            Description = $"{description} [default: {Quantity.Count(defaultValue)}]",
            HelpName = helpName,
            CustomParser = result => ParseNumber(result, name, minimum, maximum),
        };

    /// <summary>A whole number that may be left out: 0 then.</summary>
    internal static Option<long> OptionalNumber(string name, string description, long minimum, long maximum)
        => new(name)
        {
            Description = description,
            HelpName = "number",
            CustomParser = result => ParseNumber(result, name, minimum, maximum),
        };

    /// <summary>Numbers of processors with commas between them.</summary>
    internal static int[] ParseProcessors(ArgumentResult result)
    {
        string text = Token(result);
        string[] parts = text.Split(',');
        int[] processors = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out processors[i]) || processors[i] >= Environment.ProcessorCount)
                return Fail<int[]>(result, $"--pin is '{text}': write numbers from 0 to {Environment.ProcessorCount - 1}, the processors of this machine, with commas between them.");
        }
        return processors;
    }

    /// <summary>One of a few words.</summary>
    internal static Setting<T> Word<T>(string name, string description, T defaultValue, params (string Word, T Value)[] words)
        => new(name, defaultValue)
        {
            Description = description,
            HelpName = string.Join('|', words.Select(word => word.Word)),
            CustomParser = result =>
            {
                string text = Token(result);
                foreach ((string word, T value) in words)
                {
                    if (word.Equals(text, StringComparison.OrdinalIgnoreCase))
                        return value;
                }
                return Fail<T>(result, $"{name} is '{text}': write one of {string.Join(", ", words.Select(word => word.Word))}.");
            },
        };

    /// <summary>The address of a broker to connect to.</summary>
    internal static Setting<string> Connect() => new("--connect", DefaultAddress, "-c")
    {
        Description = $"Address of the broker. [default: {DefaultAddress}]",
        HelpName = "url",
        CustomParser = result => ParseTcp(result, Token(result), mayBeZero: false),
    };

    /// <summary>Where a broker listens unless told otherwise.</summary>
    internal const string DefaultAddress = "tcp://127.0.0.1:7400";

    /// <summary>A TCP address in its canonical form.</summary>
    internal static string ParseTcp(ArgumentResult result, string text, bool mayBeZero)
    {
        if (!TransportAddress.TryParse(text, out TransportAddress? address, out string? problem))
            return Fail<string>(result, problem);
        if (address.Kind != TransportKind.Tcp)
            return Fail<string>(result, $"The address '{text}' is inside one process: this command needs tcp://host:port.");
        if (address.Port == 0 && !mayBeZero)
            return Fail<string>(result, $"The address '{text}' has port 0: write the port that the broker printed after 'listening'.");
        return address.ToString();
    }

    /// <summary>The name of a queue.</summary>
    internal static Argument<string> Queue() => Name("queue", "Name of the queue, 1 to 255 bytes of UTF-8.");

    /// <summary>The name of anything.</summary>
    internal static Argument<string> Name(string what, string description, bool mayBeEmpty = false) => new(what)
    {
        Description = description,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            int length = System.Text.Encoding.UTF8.GetByteCount(text);
            return length <= 255 && (length >= 1 || mayBeEmpty)
                ? text
                : Fail<string>(result, $"The {what}'s name has {length} bytes of UTF-8: it must have 1 to 255.");
        },
    };

    /// <summary>How an exchange routes.</summary>
    internal static Setting<Client.ExchangeType> ExchangeKind(string name) => Word(
        name,
        "How it routes: by equal keys, to all, by patterns of words, by headers, or each key to one destination. [default: direct]",
        Client.ExchangeType.Direct,
        ("direct", Client.ExchangeType.Direct),
        ("fanout", Client.ExchangeType.Fanout),
        ("topic", Client.ExchangeType.Topic),
        ("headers", Client.ExchangeType.Headers),
        ("consistent-hash", Client.ExchangeType.ConsistentHash));

    /// <summary>What a publisher asks of its confirms.</summary>
    internal static Setting<DurabilityLevel> Durability() => Word(
        "--durability",
        "What a confirm must mean: memory (the broker has it), process (it survives kill -9 of the broker), disk (it survives power loss). [default: disk]",
        DurabilityLevel.Disk,
        ("memory", DurabilityLevel.Memory),
        ("process", DurabilityLevel.Process),
        ("disk", DurabilityLevel.Disk));

    internal static T Fail<T>(SymbolResult result, string problem)
    {
        result.AddError(problem);
        return default!;
    }

    private static string Token(ArgumentResult result) => result.Tokens.Count == 0 ? "" : result.Tokens[^1].Value;

    private static long ParseNumber(ArgumentResult result, string name, long minimum, long maximum)
    {
        string text = Token(result);
        if (!long.TryParse(text, NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out long number))
            return Fail<long>(result, $"{name} is '{text}': write a whole number.");
        return number >= minimum && number <= maximum
            ? number
            : Fail<long>(result, $"{name} is {text}: set it from {Quantity.Count(minimum)} to {Quantity.Count(maximum)}.");
    }
}
