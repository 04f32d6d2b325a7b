using System.Text;
using System.Text.Unicode;

namespace LowLatency.Core.Routing;

/// <summary>What a name of a queue, exchange or publisher must be. Control plane only: makes strings.</summary>
internal static class NameRules
{
    internal const int MaxLength = 255;

    /// <summary>Says what is wrong with a name, or null when it is good: 1 to 255 bytes of valid UTF-8.</summary>
    internal static string? Problem(string what, ReadOnlySpan<byte> name) =>
        name.Length == 0 ? $"The {what} is empty: give a name of 1 to {MaxLength} bytes." : ProblemOrEmpty(what, name);

    /// <summary>As <see cref="Problem"/>, but an empty name is allowed.</summary>
    internal static string? ProblemOrEmpty(string what, ReadOnlySpan<byte> name)
    {
        if (name.Length > MaxLength)
            return $"The {what} has {name.Length} bytes: the limit is {MaxLength}.";
        if (!Utf8.IsValid(name))
            return $"The {what} is not valid UTF-8: send names encoded as UTF-8.";
        return null;
    }

    /// <summary>The name for a sentence, control characters escaped.</summary>
    internal static string Text(ReadOnlySpan<byte> name)
    {
        string text = Encoding.UTF8.GetString(name);
        foreach (char c in text)
        {
            if (char.IsControl(c))
                return Escape(text);
        }
        return text;
    }

    private static string Escape(string text)
    {
        var builder = new StringBuilder(text.Length + 16);
        foreach (char c in text)
        {
            if (char.IsControl(c))
                builder.Append("\\u").Append(((int)c).ToString("x4", System.Globalization.CultureInfo.InvariantCulture));
            else
                builder.Append(c);
        }
        return builder.ToString();
    }
}
