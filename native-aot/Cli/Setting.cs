using System.CommandLine;

namespace LowLatency.Server.Cli;

/// <summary>An option with a default that its description tells in the words of people; the library would print the bare value.</summary>
internal sealed class Setting<T> : Option<T>
{
    private readonly T _default;

    internal Setting(string name, T defaultValue, params string[] aliases)
        : base(name, aliases) => _default = defaultValue;

    /// <summary>What was given, or the default.</summary>
    internal T Read(ParseResult parsed) => parsed.GetResult(this) == null ? _default : parsed.GetRequiredValue(this);
}
