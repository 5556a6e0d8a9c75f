# PowerShell completion for banger
# Where nothing fits it returns an empty string: for no result at all PowerShell proposes files.
Register-ArgumentCompleter -Native -CommandName banger -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $program = Get-Command -Name banger -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not $program) { return '' }
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object { if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text } })
    $new = @()
    if ($wordToComplete -eq '') { $new = @('--new-word') }
    $paths = $false
    $found = @(& $program __complete @new '--' @words 2>$null | ForEach-Object {
        if ($_ -eq ':files' -or $_ -eq ':folders') { $paths = $true }
        elseif ($_ -ne ':nospace') {
            $name, $about = $_ -split "`t", 2
            $text = $name
            if ($name -notmatch '^[A-Za-z0-9_./:=-]+$') { $text = "'" + $name.Replace("'", "''") + "'" }
            if (-not $about) { $about = $name }
            [System.Management.Automation.CompletionResult]::new($text, $name, 'ParameterValue', $about)
        }
    })
    if ($paths) { $found += @([System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete)) }
    if ($found.Count -eq 0) { return '' }
    $found
}
