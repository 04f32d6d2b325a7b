using System.Text;

namespace LowLatency.Server.Simulation;

/// <summary>A set of actions.</summary>
internal readonly record struct SimulationActions(ulong Bits)
{
    /// <summary>Every action there is.</summary>
    internal static SimulationAction[] All { get; } = Enum.GetValues<SimulationAction>();

    /// <summary>The names of all.</summary>
    internal static string Everything => string.Join(", ", All.Select(Name));

    internal bool Contains(SimulationAction action) => (Bits & (1ul << (int)action)) != 0;

    internal SimulationActions With(SimulationAction action) => new(Bits | (1ul << (int)action));

    /// <summary>Names with commas between them, as <see cref="ToString"/> writes them.</summary>
    internal static bool TryParse(string text, out SimulationActions actions, out string unknown)
    {
        actions = default;
        unknown = "";
        foreach (string name in text.Split(',', StringSplitOptions.TrimEntries))
        {
            int index = Array.FindIndex(All, action => Name(action).Equals(name, StringComparison.OrdinalIgnoreCase));
            if (index < 0)
            {
                unknown = name;
                return false;
            }
            actions = actions.With(All[index]);
        }
        return true;
    }

    public override string ToString()
    {
        SimulationActions self = this;
        return string.Join(',', All.Where(action => self.Contains(action)).Select(Name));
    }

    /// <summary>As on a command line: <c>cut-power</c>.</summary>
    private static string Name(SimulationAction action)
    {
        var name = new StringBuilder();
        foreach (char letter in action.ToString())
        {
            if (char.IsUpper(letter) && name.Length > 0)
                name.Append('-');
            name.Append(char.ToLowerInvariant(letter));
        }
        return name.ToString();
    }
}
